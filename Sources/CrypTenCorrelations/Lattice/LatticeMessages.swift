internal import CrypTenBase
internal import CrypTenRing

/// Rows in a message: 31 bits a residue, and seeds of 16 bytes.
///
/// A message's length follows from shapes, and is checked before it is read; a residue that isn't below its prime is refused.
struct LatticeReader {
    private let bytes: UnsafeRawBufferPointer
    private let kernels: LatticeKernels

    /// - Throws: `.malformedFrame` where the message hasn't the length that it must have.
    init(_ bytes: UnsafeRawBufferPointer, length: Int, what: String, _ kernels: LatticeKernels) throws(CrypTenError) {
        guard bytes.count == length else {
            throw CrypTenError(
                .malformedFrame,
                "\(what) have \(length) bytes, not \(bytes.count): the parties don't compute the same, or the message was changed"
            )
        }
        self.bytes = bytes
        self.kernels = kernels
    }

    /// Of a message whose length was checked.
    init(_ bytes: UnsafeRawBufferPointer, _ kernels: LatticeKernels) {
        self.bytes = bytes
        self.kernels = kernels
    }

    /// What the message's public polynomials are drawn from.
    var seed: ExpansionKey {
        ExpansionKey(low: word(at: 0), high: word(at: 8))
    }

    private func word(at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Reads `count` residues, a multiple of 32; false where one is none.
    func residues(at offset: Int, count: Int, to row: LatticeKernels.Row, limb: Int, scratch: LatticeResidues) -> Bool {
        let words = count / 32 * 31
        let from = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 4 * words])
        UnsafeMutableRawBufferPointer(start: scratch.elements, count: 4 * words).copyMemory(from: from)
        #if _endian(big)
        for i in 0..<words { scratch.elements[i] = UInt32(littleEndian: scratch.elements[i]) }
        #endif
        return kernels.unpack(scratch.elements, count: count, to: row, limb: limb)
    }

    static func notBelowPrime(_ what: String) -> CrypTenError {
        CrypTenError(.malformedFrame, "\(what) hold a number that is no residue: the message was changed, or isn't one")
    }
}

/// A message that is being written, by several threads to disjoint parts of it.
///
/// Safety of `@unchecked Sendable`: parts don't overlap, and it is read when all threads have ended.
final class LatticeWriter: @unchecked Sendable {
    private let bytes: UnsafeMutableRawBufferPointer
    private let kernels: LatticeKernels

    private init(_ bytes: UnsafeMutableRawBufferPointer, _ kernels: LatticeKernels) {
        self.bytes = bytes
        self.kernels = kernels
    }

    /// The message that `body` writes, every byte of it.
    static func message(length: Int, _ kernels: LatticeKernels, _ body: (LatticeWriter) -> Void) -> [UInt8] {
        Array(unsafeUninitializedCapacity: length) { buffer, count in
            body(LatticeWriter(UnsafeMutableRawBufferPointer(buffer), kernels))
            count = length
        }
    }

    /// The same in words, of a length that is a multiple of 8.
    static func words(length: Int, _ kernels: LatticeKernels, _ body: (LatticeWriter) -> Void) -> RingTensor {
        precondition(length % 8 == 0, "\(length) bytes in words")
        var message = RingTensor(uninitialized: [length / 8])
        message.withMutableWords { words in
            body(LatticeWriter(UnsafeMutableRawBufferPointer(start: words, count: length), kernels))
        }
        return message
    }

    func write(_ word: UInt64, at offset: Int) {
        bytes.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }

    /// Writes `count` residues, a multiple of 32.
    func write(_ row: LatticeKernels.ConstantRow, count: Int, at offset: Int, scratch: LatticeResidues) {
        guard count > 0 else { return }
        let words = count / 32 * 31
        kernels.pack(row, count: count, to: scratch.elements)
        #if _endian(big)
        for i in 0..<words { scratch.elements[i] = scratch.elements[i].littleEndian }
        #endif
        (bytes.baseAddress! + offset).copyMemory(from: scratch.elements, byteCount: 4 * words)
    }
}
