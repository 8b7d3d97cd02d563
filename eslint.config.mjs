// What a linter should know of the modules in ui/: `npx eslint ui`. Nothing of it is needed to run the app or its tests.

const BROWSER = [
  "AbortController", "addEventListener", "atob", "Blob", "cancelAnimationFrame", "clearTimeout", "createImageBitmap",
  "DataTransfer", "document", "Element", "Event", "fetch", "history", "HTMLButtonElement", "HTMLInputElement",
  "HTMLSelectElement", "Image", "ImageData", "location", "matchMedia", "OffscreenCanvas", "Path2D", "performance",
  "requestAnimationFrame", "ResizeObserver", "setTimeout", "structuredClone", "TextDecoder", "URL",
];

export default [
  {
    files: ["ui/**/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: true },
    rules: {
      "constructor-super": "error",
      eqeqeq: "error",
      "getter-return": "error",
      "no-const-assign": "error",
      "no-dupe-keys": "error",
      "no-fallthrough": "error",
      "no-redeclare": "error",
      "no-undef": "error",
      "no-unreachable": "error",
      "no-unused-vars": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
