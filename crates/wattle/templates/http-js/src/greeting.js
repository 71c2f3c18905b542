export function greeting(path) {
  return `Hello from ${path}\n`;
}
