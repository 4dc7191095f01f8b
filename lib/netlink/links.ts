import type { NativeNetlink } from '#binding'
import { checkFields, linkRef } from '../check/fields.ts'
import { TunError, invalidArgument } from '../errors.ts'
import { readTable, streamTable } from './dump.ts'
import { LINK_FILTER, LINK_SETTINGS, SET_LATER, linkSpecFields } from './linkFields.ts'
import type { Link, LinkFilter, LinkRef, LinkSettings, LinkSpec } from './linkTypes.ts'
import type { Pipeline } from './pipeline.ts'

/** Links (network interfaces): `ip link`. */
export class Links {
  readonly #native: NativeNetlink
  readonly #pipeline: Pipeline

  /** @internal */
  constructor(native: NativeNetlink, pipeline: Pipeline) {
    this.#native = native
    this.#pipeline = pipeline
  }

  /**
   * Returns all matching links. Reads them again if they changed during the read.
   *
   * @throws {TunError} `ERR_TUN_INTERRUPTED` if they changed in every attempt.
   */
  async list(filter: LinkFilter = {}): Promise<Link[]> {
    return readTable(this.#native, query(filter))
  }

  /**
   * Returns all matching links as a stream, without holding all of them in memory.
   *
   * The iterator ends with `ERR_TUN_INTERRUPTED` if the links changed during the read.
   */
  stream(filter: LinkFilter = {}): AsyncGenerator<Link, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Returns one link, by its name, an alternative name or its index.
   *
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if there is no such link.
   */
  async get(link: LinkRef): Promise<Link> {
    const operation = { op: 'getLink', link: linkRef('link', link) }
    return (await this.#pipeline.submit(operation)) as Link
  }

  /** Returns one link, or `undefined` if there is no such link. */
  async find(link: LinkRef): Promise<Link | undefined> {
    try {
      return await this.get(link)
    } catch (error) {
      if (error instanceof TunError && error.code === 'ERR_TUN_NOT_FOUND') return undefined
      throw error
    }
  }

  /** Creates a link and returns it as the kernel describes it. If a step fails, the link is removed again. */
  async add(spec: LinkSpec): Promise<Link> {
    const checked = checkFields('link', spec, linkSpecFields(spec))
    const name = checked['name'] as string | undefined
    if (name === undefined) throw invalidArgument('name', undefined, 'a name')
    const isLater = ([property]: [string, unknown]) => SET_LATER.has(property)
    const entries = Object.entries(checked)
    const { kind, kindData, ...atOnce } = Object.fromEntries(
      entries.filter((entry) => !isLater(entry)),
    )
    const hasData = kind !== 'veth' && kind !== 'dummy'
    const kindSpec = hasData ? { kind, data: kindData ?? {} } : { kind }
    await this.#pipeline.submit({ op: 'addLink', spec: { ...atOnce, kind: kindSpec } })
    try {
      const later = Object.fromEntries(entries.filter(isLater))
      if (Object.keys(later).length > 0) await this.#change(name, later)
      return await this.get(name)
    } catch (error) {
      await this.delete(name).catch(() => undefined)
      throw error
    }
  }

  /** Changes a link. Omitted properties are not changed. */
  async set(link: LinkRef, settings: LinkSettings): Promise<void> {
    const ref = linkRef('link', link) as LinkRef
    await this.#change(ref, checkFields('settings', settings, LINK_SETTINGS))
  }

  /** Removes a link. */
  async delete(link: LinkRef): Promise<void> {
    await this.#pipeline.submit({ op: 'deleteLink', link: linkRef('link', link) })
  }

  async #change(link: LinkRef, { altNames, ...change }: Record<string, unknown>): Promise<void> {
    const ref = altNames === undefined ? link : await this.#setAltNames(link, altNames as string[])
    if (Object.keys(change).length > 0) {
      await this.#pipeline.submit({ op: 'setLink', link: ref, change })
    }
  }

  /** Sets the alternative names. Returns the index, because the given name may be one of those removed. */
  async #setAltNames(link: LinkRef, wanted: readonly string[]): Promise<number> {
    const { ifIndex, altNames } = await this.get(link)
    const gone = altNames.filter((name) => !wanted.includes(name))
    const added = [...new Set(wanted)].filter((name) => !altNames.includes(name))
    const submit = async (op: string, names: string[]) => {
      if (names.length > 0) await this.#pipeline.submit({ op, link: ifIndex, names })
    }
    await submit('deleteAltNames', gone)
    await submit('addAltNames', added)
    return ifIndex
  }
}

function query(filter: LinkFilter): { table: string; filter: Record<string, unknown> } {
  return { table: 'links', filter: checkFields('filter', filter, LINK_FILTER) }
}
