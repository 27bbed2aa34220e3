/// What transfers cost, in either role and on either side alike.
package struct TransferCounters: Hashable, Sendable {
    /// Transfers, one a choice bit.
    package var transfers = 0
    /// Transfers that were extended: a plane of choices takes whole words, so up to 63 a plane more.
    package var extended = 0
    /// Bits of the extension that the chooser sends: 128 / k for each that was extended.
    package var extensionBits = 0
    /// Bits of the sender's messages: the widths of the words that choices weigh.
    package var messageBits = 0
    /// The bytes of these messages, each of whole words.
    package var messageBytes = 0
    /// Messages, and elements of theirs: each takes a pad.
    package var messages = 0
    package var weighedElements = 0

    package init() {}

    /// Counts the extension of planes of choices.
    package mutating func countExtension(planes: Int, count: Int, _ height: TreeHeight) {
        let words = planes * ((count + 63) / 64)
        transfers += planes * count
        extended += 64 * words
        extensionBits += height.trees * 64 * words
    }

    /// Counts a message for words of so many bits.
    package mutating func countMessage(count: Int, width: Int) {
        messageBits += width * count
        messageBytes += 8 * TransferKernels.messageWords(count: count, width: width)
        messages += 1
        weighedElements += count
    }

    /// Counts a message for planes of bits.
    package mutating func countMessage(planes: Int, count: Int) {
        messageBits += planes * count
        messageBytes += 8 * planes * ((count + 63) / 64)
        messages += 1
        weighedElements += count
    }
}
