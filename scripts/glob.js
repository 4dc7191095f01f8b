/** Whether a path is one of `glob`, of which `**` and `*` are known: what AVA's settings here use. */
export function matchesGlob(path, glob) {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('**/', '\0')
    .replaceAll('*', '[^/]*')
    .replaceAll('\0', '(?:.*/)?')
  return new RegExp(`^${pattern}$`).test(path)
}
