import CrypTenRing
import CrypTenTransport
package import NIOCore

/// What a frame of openings or corrections carries: bytes, or, between members that share a device's memory, words where they lie.
package struct WordChunk: Sendable {
    /// Empty where there are tensors.
    package var bytes = ByteBuffer()
    package var tensors = HandedTensors()

    package init(_ bytes: ByteBuffer = ByteBuffer()) {
        self.bytes = bytes
    }

    package init(_ tensors: HandedTensors) {
        self.tensors = tensors
    }

    /// What a frame carries.
    init(_ frame: Frame) throws {
        switch frame.words {
        case nil: self.init(frame.payload)
        case let tensors as HandedTensors: self.init(tensors)
        case let words?: self.init(try words.bytes())
        }
    }

    package var byteCount: Int {
        tensors.byteCount + bytes.readableBytes
    }

    /// What is left of it as bytes: for who writes it down.
    package func readableBytes() throws -> ByteBuffer {
        tensors.byteCount > 0 ? try tensors.bytes() : bytes
    }

    /// Gives up what it holds, and overwrites it where nobody else has it.
    package mutating func wipe() {
        bytes.wipe()
        tensors.wipe()
    }
}
