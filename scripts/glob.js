/** Returns whether a path matches `glob`. Only `**` and `*` are supported, which the settings of AVA use. */
export function matchesGlob(path, glob) {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('**/', '\0')
    .replaceAll('*', '[^/]*')
    .replaceAll('\0', '(?:.*/)?')
  return new RegExp(`^${pattern}$`).test(path)
}
