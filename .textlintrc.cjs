/** `npm run lint`: the prose linter's rules, and the plugin that reads comments (scripts/prose.sh). */
const { join } = require('node:path')

module.exports = {
  // By its whole path: textlint takes a relative one for a package's name.
  plugins: { [join(__dirname, 'scripts/prose/comments.js')]: true },
  rules: {
    prh: { rulePaths: ['./scripts/prose/words.yml'], checkLink: true, checkEmphasis: true },
  },
}
