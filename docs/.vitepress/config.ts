/**
 * The site of the documents: pages stand where they are read on GitHub too, and link to each other
 * by file. Built by `npm run docs`.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type DefaultTheme, defineConfig } from 'vitepress'
import { linkRepository } from './repositoryLinks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const REPOSITORY = 'https://github.com/tun2udp/tun2udp'

/** What typedoc wrote (typedoc.json). */
function apiSidebar(): DefaultTheme.SidebarItem[] {
  const text = readFileSync(`${ROOT}docs/api/typedoc-sidebar.json`, 'utf8')
  return JSON.parse(text) as DefaultTheme.SidebarItem[]
}

const GUIDES: DefaultTheme.SidebarItem[] = [
  { text: 'First tunnel', link: '/docs/guides/first-tunnel' },
  { text: 'Two machines', link: '/docs/guides/two-machines' },
  { text: 'Hub and spokes', link: '/docs/guides/hub-and-spokes' },
  { text: 'Two hubs', link: '/docs/guides/two-hubs' },
  { text: 'Upgrade without a gap', link: '/docs/guides/upgrade-without-a-gap' },
  { text: 'Behind NAT', link: '/docs/guides/nat' },
  { text: 'Bridging two LANs', link: '/docs/guides/bridging' },
  { text: 'Underlay', link: '/docs/guides/underlay' },
  { text: 'TAP without root', link: '/docs/guides/tap-without-root' },
  { text: 'Packets in JavaScript', link: '/docs/guides/packets' },
  { text: 'Namespaces for tests', link: '/docs/guides/namespaces' },
  { text: 'Path MTU', link: '/docs/guides/mtu' },
  { text: 'Tuning', link: '/docs/guides/tuning' },
  { text: 'Permissions', link: '/docs/guides/permissions' },
  { text: 'Security', link: '/docs/guides/security' },
  { text: 'Watch a tunnel', link: '/docs/guides/watch-a-tunnel' },
  { text: 'When nothing flows', link: '/docs/guides/when-nothing-flows' },
  { text: 'Troubleshooting', link: '/docs/guides/troubleshooting' },
]

const REFERENCE: DefaultTheme.SidebarItem[] = [
  { text: 'The program tun2udp', link: '/docs/tun2udp' },
  { text: 'Configuration file', link: '/docs/configuration' },
  { text: 'Control socket', link: '/docs/control' },
  { text: 'Captures', link: '/docs/capture' },
  { text: 'The program tunctl', link: '/docs/tunctl' },
  { text: 'The relay in JavaScript', link: '/docs/relay' },
  { text: 'Several peers', link: '/docs/peers' },
  { text: 'TUN and TAP devices', link: '/docs/devices' },
  { text: 'Packets', link: '/docs/packets' },
  { text: 'Persistent devices', link: '/docs/persistent-devices' },
  { text: 'RTNETLINK', link: '/docs/netlink' },
  { text: 'systemd', link: '/docs/systemd' },
  { text: 'Containers', link: '/docs/containers' },
  { text: 'Platforms', link: '/docs/platforms' },
  { text: 'Bundlers, Electron, single executables', link: '/docs/bundlers' },
  { text: 'TypeScript', link: '/docs/typescript' },
]

const PROJECT: DefaultTheme.SidebarItem[] = [
  { text: 'Overview and alternatives', link: '/README' },
  { text: 'Performance', link: '/docs/performance' },
  { text: 'Results of the bench', link: '/bench/results/latest' },
  { text: 'The bench', link: '/bench/README' },
  { text: 'Architecture', link: '/docs/architecture' },
  { text: 'Contributing', link: '/CONTRIBUTING' },
  { text: 'Changes', link: '/CHANGELOG' },
]

/** Titles of pages whose heading is the name of a program. */
const TITLES: Readonly<Record<string, string>> = {
  'README.md': 'Overview and alternatives',
  'docs/tun2udp.md': 'The program tun2udp',
  'docs/tunctl.md': 'The program tunctl',
}

/** Pages that the search leaves out: the licences of others. */
const UNSEARCHED = ['THIRD-PARTY.md']

export default defineConfig({
  title: 'tun2udp',
  description: 'TUN/TAP devices, RTNETLINK and a fast plain TUN-to-UDP tunnel for Node on Linux',
  lang: 'en',
  // Where the site stands on its host: GitHub Pages has it below the name of the repository.
  base: process.env['DOCS_BASE'] ?? '/',
  srcDir: '..',
  outDir: '../target/site',
  cacheDir: '../target/vitepress',
  srcExclude: [
    'target/**',
    'dist/**',
    'npm/**',
    'crate/**',
    'bench/.cache/**',
    '**/node_modules/**',
  ],
  transformPageData: ({ relativePath }) => {
    const title = TITLES[relativePath]
    return title === undefined ? undefined : { title }
  },
  rewrites: { 'docs/index.md': 'index.md' },
  cleanUrls: true,
  lastUpdated: false,
  head: [
    [
      'link',
      { rel: 'icon', type: 'image/svg+xml', href: `${process.env['DOCS_BASE'] ?? '/'}icon.svg` },
    ],
  ],
  markdown: {
    config: (markdown) => {
      markdown.use(linkRepository, { root: ROOT, repository: `${REPOSITORY}/` })
    },
  },
  themeConfig: {
    search: {
      provider: 'local',
      options: {
        _render: (source, env: { relativePath: string }, markdown) =>
          UNSEARCHED.includes(env.relativePath) ? '' : markdown.render(source, env),
      },
    },
    outline: [2, 3],
    nav: [
      { text: 'Guides', link: '/docs/guides/first-tunnel', activeMatch: '^/docs/guides/' },
      { text: 'Reference', link: '/docs/tun2udp' },
      { text: 'API', link: '/docs/api/', activeMatch: '^/docs/api/' },
    ],
    sidebar: {
      '/docs/api/': [{ text: 'API', link: '/docs/api/', items: apiSidebar() }],
      '/': [
        { text: 'Guides', items: GUIDES },
        { text: 'Reference', items: [...REFERENCE, { text: 'API', link: '/docs/api/' }] },
        { text: 'The project', items: PROJECT },
      ],
    },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
  },
  vite: {
    publicDir: `${ROOT}docs/public`,
    // The largest is the index of the search, which is loaded when somebody searches.
    build: { chunkSizeWarningLimit: 2000 },
  },
})
