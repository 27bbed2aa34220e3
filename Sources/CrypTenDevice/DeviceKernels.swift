package import CrypTenRing

/// The kernels on a device: each method copies its operands to the device, queues kernels, and copies the result back.
///
/// Equal to `PlainKernels` to the bit. A method can't throw, and a result that isn't there must not be sent: where the device fails, or has no
/// room, the process ends with a sentence that says so.
package struct DeviceKernels: Kernels {
    package let queue: any DeviceQueue

    /// How many bytes of patches a convolution makes at a time, at most, unless one channel's or row's are more.
    let patchBytes: Int

    package init(queue: any DeviceQueue, patchBytes: Int = 256 << 20) {
        self.queue = queue
        self.patchBytes = patchBytes
    }

    package var name: String {
        queue.name
    }

    /// Makes one method's result on the device.
    func onDevice<Result>(_ body: (DeviceCall) throws -> Result) -> Result {
        let call = DeviceCall(queue, patchBytes: patchBytes)
        defer { call.end() }
        do {
            return try body(call)
        } catch {
            fatalError("\(queue.name): \(error)")
        }
    }
}

/// What one method has on the device until it ends.
final class DeviceCall {
    /// Work-items of a group, unless a kernel says otherwise.
    static let threads = 256

    private let queue: any DeviceQueue
    private var blocks: [DeviceBlock] = []
    let patchBytes: Int

    init(_ queue: any DeviceQueue, patchBytes: Int) {
        self.queue = queue
        self.patchBytes = patchBytes
    }

    /// Gives back all that the method has.
    func end() {
        for block in blocks { queue.free(block) }
        blocks = []
    }

    // MARK: Memory

    /// Room for words; address 0 for none.
    func room(_ words: Int) throws -> DeviceAddress {
        guard words > 0 else { return 0 }
        let block = try queue.allocate(bytes: words * 8)
        blocks.append(block)
        return block.address
    }

    /// Words of a value.
    func words(_ count: Int, of value: UInt64) throws -> DeviceAddress {
        let to = try room(count)
        try forEach(count, "fill", FillArguments(to: to, count: UInt64(count), value: value))
        return to
    }

    func upload(_ a: RingTensor) throws -> DeviceAddress {
        let to = try room(a.count)
        try a.withWords { try queue.upload($0, bytes: a.count * 8, to: to) }
        return to
    }

    /// The words of all planes.
    func upload(_ a: BitPlanes) throws -> DeviceAddress {
        let words = a.planes * a.wordsPerPlane
        let to = try room(words)
        try a.withWords { try queue.upload($0, bytes: words * 8, to: to) }
        return to
    }

    func upload(_ words: [UInt64]) throws -> DeviceAddress {
        let to = try room(words.count)
        try words.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            try queue.upload(base, bytes: bytes.count, to: to)
        }
        return to
    }

    func download(_ from: DeviceAddress, shape: Shape) throws -> RingTensor {
        var out = RingTensor(uninitialized: shape)
        try out.withMutableWords { try queue.download(from, bytes: shape.count * 8, to: $0) }
        return out
    }

    func download(_ from: DeviceAddress, planes: Int, count: Int) throws -> BitPlanes {
        var out = BitPlanes(uninitialized: planes, count: count)
        let words = planes * out.wordsPerPlane
        try out.withMutableWords { try queue.download(from, bytes: words * 8, to: $0) }
        return out
    }

    /// Overwrites all elements of a tensor.
    func download(_ from: DeviceAddress, into sum: inout RingTensor) throws {
        let bytes = sum.count * 8
        try sum.withUpdatedWords { new, _ in try queue.download(from, bytes: bytes, to: new) }
    }

    /// Overwrites all planes.
    func download(_ from: DeviceAddress, into sum: inout BitPlanes) throws {
        let bytes = sum.planes * sum.wordsPerPlane * 8
        try sum.withUpdatedWords { new, _ in try queue.download(from, bytes: bytes, to: new) }
    }

    func download(_ from: DeviceAddress, words: Int, to: UnsafeMutablePointer<UInt64>) throws {
        try queue.download(from, bytes: words * 8, to: to)
    }

    // MARK: Kernels

    func launch<Arguments>(
        _ kernel: String,
        groups: DeviceGroups,
        threads: Int = threads,
        _ arguments: Arguments
    ) throws {
        guard !groups.isEmpty else { return }
        try withUnsafeBytes(of: arguments) {
            try queue.launch(kernel, groups: groups, threads: threads, arguments: $0)
        }
    }

    /// Queues a kernel whose work-items are `count` elements.
    func forEach<Arguments>(
        _ count: Int,
        threads: Int = threads,
        _ kernel: String,
        _ arguments: Arguments
    ) throws {
        try launch(kernel, groups: DeviceGroups(for: count, threads: threads), threads: threads, arguments)
    }

    /// Sets the bits beyond `count` in every plane's last word to zero.
    func clearTails(_ planes: DeviceAddress, planes count: Int, of elements: Int) throws {
        guard elements % 64 != 0 else { return }
        let arguments = TailsArguments(
            to: planes,
            planes: UInt64(count),
            step: UInt64(BitPlanes.words(for: elements)),
            mask: lowBitsMask(elements % 64)
        )
        try forEach(count, "tails", arguments)
    }
}

extension DeviceAddress {
    /// The place that many words further.
    func advanced(words: Int) -> DeviceAddress {
        self &+ UInt64(bitPattern: Int64(words)) &* 8
    }
}
