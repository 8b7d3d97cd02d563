// Marching squares over cell centres. Returns the outline and the area above `level` as two paths in canvas pixels.
// The outermost values reach to the border of the picture, as the canvas scales them.

export function trace(grid, columns, rows, level, width, height) {
  const line = new Path2D(), area = new Path2D();
  const xs = stops(columns, width), ys = stops(rows, height);
  for (let j = 0; j <= rows; j++) {
    const top = Math.max(j - 1, 0) * columns, bottom = Math.min(j, rows - 1) * columns;
    let run = -1; // first of a row of cells that lie wholly above: drawn as one rectangle
    const closeRun = (end) => {
      if (run >= 0) area.rect(xs[run], ys[j], xs[end] - xs[run], ys[j + 1] - ys[j]);
      run = -1;
    };
    for (let i = 0; i <= columns; i++) {
      const left = Math.max(i - 1, 0), right = Math.min(i, columns - 1);
      const a = grid[top + left] - level, b = grid[top + right] - level;
      const c = grid[bottom + right] - level, d = grid[bottom + left] - level;
      const above = (a > 0) + (b > 0) + (c > 0) + (d > 0);
      if (above === 4) {
        if (run < 0) run = i;
        continue;
      }
      closeRun(i);
      if (above > 0) traceCell(line, area, [a, b, c, d], xs[i], ys[j], xs[i + 1], ys[j + 1]);
    }
    closeRun(columns + 1);
  }
  return { line, area };
}

function stops(count, size) {
  const at = [0];
  for (let i = 0; i < count; i++) at.push(((i + 0.5) / count) * size);
  at.push(size);
  return at;
}

// Corners clockwise from the top left; a crossing is where the side between two corners meets the level.
function traceCell(line, area, values, x0, y0, x1, y1) {
  const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  const polygon = [], crossings = [];
  for (let k = 0; k < 4; k++) {
    const here = values[k], next = values[(k + 1) % 4];
    const [ax, ay] = corners[k], [bx, by] = corners[(k + 1) % 4];
    if (here > 0) polygon.push(corners[k]);
    if (here > 0 !== next > 0) {
      const t = here / (here - next);
      const point = [ax + (bx - ax) * t, ay + (by - ay) * t];
      polygon.push(point);
      crossings.push(point);
    }
  }
  polygon.forEach(([x, y], k) => (k ? area.lineTo(x, y) : area.moveTo(x, y)));
  area.closePath();
  // A saddle has four crossings and its area is joined through the middle: each line cuts off one corner below.
  const pairs = crossings.length === 2 ? [[0, 1]] : values[0] > 0 ? [[0, 1], [2, 3]] : [[3, 0], [1, 2]];
  for (const [from, to] of pairs) {
    line.moveTo(...crossings[from]);
    line.lineTo(...crossings[to]);
  }
}

// A traced line, white on a dark edge, so that it shows on any picture.
export function strokeOutline(ctx, line, pixelRatio) {
  ctx.lineCap = ctx.lineJoin = "round";
  for (const [colour, width] of [["rgb(0 0 0 / 0.55)", 3], ["white", 1.4]]) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width * pixelRatio;
    ctx.stroke(line);
  }
}
