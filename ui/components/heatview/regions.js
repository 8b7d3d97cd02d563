// Connected regions of a grid above a level (cells that touch at a side or a corner), as boxes [x, y, width, height] in cells.

const LEAST = 0.0025; // of the grid: what is smaller is a speck

export function regions(grid, columns, rows, level) {
  const visited = new Uint8Array(grid.length), boxes = [];
  for (let start = 0; start < grid.length; start++) {
    if (visited[start] || !(grid[start] > level)) continue;
    const box = flood(grid, columns, rows, level, visited, start);
    if (box.count >= LEAST * grid.length) boxes.push([box.left, box.top, box.right - box.left + 1, box.bottom - box.top + 1]);
  }
  return boxes;
}

function flood(grid, columns, rows, level, visited, start) {
  const box = { left: columns, top: rows, right: 0, bottom: 0, count: 0 };
  const stack = [start];
  visited[start] = 1;
  while (stack.length) {
    const cell = stack.pop(), x = cell % columns, y = (cell - x) / columns;
    box.count += 1;
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
    for (let j = Math.max(0, y - 1); j <= Math.min(rows - 1, y + 1); j++) {
      for (let i = Math.max(0, x - 1); i <= Math.min(columns - 1, x + 1); i++) {
        const next = j * columns + i;
        if (visited[next] || !(grid[next] > level)) continue;
        visited[next] = 1;
        stack.push(next);
      }
    }
  }
  return box;
}
