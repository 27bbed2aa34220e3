package import NIOCore

/// Words that go from one member of a process to another as they are, in memory that both compute in, where others are sent bytes.
///
/// They are framed, counted and bounded as the bytes would be.
package protocol HandedWords: Sendable {
    /// How many bytes they stand for.
    var byteCount: Int { get }
    /// The bytes.
    ///
    /// - Throws: what kept the words from being there.
    func bytes() throws -> ByteBuffer
    /// Gives them up, and overwrites them where nobody else has them.
    mutating func wipe()
}
