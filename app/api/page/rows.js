/** The rows of a call: its channels, or the speakers of a channel. */

/** A row. Its name is its role, which can change, or else the number of its speaker or channel. */
export class Row {
  /**
   * @param {object} answer the element of `channels` in the answer. Its role changes with the name of the row.
   * @param {string} number the name of a row without a role.
   */
  constructor(answer, number) {
    const { channel, speaker = null, segments } = answer;
    Object.assign(this, { answer, number, channel, speaker, segments, writers: [] });
  }

  get name() {
    return this.answer.role || this.number;
  }

  /** Gives the row a role; an empty text removes it. */
  rename(role) {
    this.answer.role = role.trim() || null;
    this.writers.forEach((write) => write(this.name));
  }

  /** Calls a function with the name, now and after each change. */
  follow(write) {
    this.writers.push(write);
    write(this.name);
  }

  /** Writes the name into an element, now and after each change. */
  nameIn(element) {
    this.follow((name) => element.replaceChildren(name));
    return element;
  }
}

/** Returns the rows of an answer. Speakers of several channels are named with their channels. */
export function rowsOf({ channels }) {
  const several = new Set(channels.map(({ channel }) => channel)).size > 1;
  return channels.map((answer) => {
    const { channel, speaker = null } = answer;
    if (speaker === null) return new Row(answer, `Channel ${channel}`);
    return new Row(answer, several ? `Channel ${channel}, speaker ${speaker + 1}` : `Speaker ${speaker + 1}`);
  });
}

/**
 * Finds the row of a turning point, an alert or a segment. While a call is spoken, a row has all speakers of its channel.
 *
 * @param {Row[]} rows
 * @param {{channel: ?number, speaker: ?number}} place
 * @returns {Row|undefined} undefined if it is on no channel.
 */
export function findRow(rows, { channel, speaker = null }) {
  const onChannel = rows.filter((row) => row.channel === channel);
  return onChannel.find((row) => row.speaker === speaker) ?? onChannel[0];
}
