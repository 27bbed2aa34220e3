package import CrypTenPlanning
import CrypTenTransport

extension Framing {
    /// How this version cuts and frames what it sends.
    package static let wire = Framing(headerBytes: FrameHeader.size, chunkBytes: 256 << 10)
}
