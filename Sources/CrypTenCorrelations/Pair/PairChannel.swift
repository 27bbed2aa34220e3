package import CrypTenRing

/// How the two parties reach each other while they make correlations: words in, words out, in order.
///
/// Both parties send what an exchange has of theirs, and read what it has of the other's, which may be while they send the next one. Every length
/// follows from the plan.
package protocol PairChannel: AnyObject {
    /// Sends words; what was sent before may still be on its way.
    func send(_ words: RingTensor) throws
    /// All that this exchange has of this party's was sent.
    func finishSending() throws
    /// The next `count` words of the other's.
    ///
    /// - Throws: What the connection throws; `.malformedFrame` where the other has sent less, or no whole words.
    func receive(_ count: Int) throws -> RingTensor
    /// All that this exchange has of the other's was read.
    ///
    /// - Throws: `.malformedFrame` where the other has sent more.
    func finishReceiving() throws
}
