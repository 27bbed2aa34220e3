import CrypTenRing

/// Words on their way to a device's memory: what has come is copied there while the rest is waited for.
///
/// Where the device fails they are zeros, as all that it makes is then.
final class IncomingDeviceWords: IncomingWords {
    private let kernels: DeviceKernels
    private let count: Int
    private var words: DeviceWords?
    private var filled = 0

    /// - Parameter count: How many words will come, at least one.
    init(_ count: Int, _ kernels: DeviceKernels) {
        self.kernels = kernels
        self.count = count
        words = kernels.onDevice(nil) { try $0.newWords(count) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count % 8 == 0 && filled + bytes.count / 8 <= count, "whole words, as many as are due")
        if let words {
            kernels.onDevice(()) { try $0.upload(bytes, to: words.block.address.advanced(words: filled)) }
        }
        filled += bytes.count / 8
    }

    func finish() -> RingTensor {
        precondition(filled == count, "\(filled) of \(count) words have come")
        guard let words = words.take() else { return RingTensor(zeros: [count]) }
        return RingTensor(storage: Storage(words, count: count), firstWord: 0, shape: [count])
    }
}
