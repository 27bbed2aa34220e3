import CCrypTenKernels
private import Synchronization

/// Words of memory, owned by the tensors that look into them, in one or more places: on the host, aligned for vector instructions, in a
/// device's memory, or in none as long as nobody reads them, where they are one value or a generator's.
///
/// All places hold the same words. Whoever writes has the only reference, keeps the place in which it writes, and gives up the others.
///
/// Safety of `@unchecked Sendable`: a storage is written only while it is uniquely referenced (by the tensor or the bit planes being made or
/// mutated); from the moment it is shared its words are immutable, and places are added alone, under the lock. The host's is read without
/// it: it is published when it holds the words, and stays until the storage is uniquely referenced.
package final class Storage: @unchecked Sendable {
    package let count: Int
    /// Where the words lie on the host.
    private let host: Atomic<UnsafeMutablePointer<UInt64>?>
    private var capacity = 0
    private var device: DeviceWords?
    private var source: WordSource?
    /// Whether it was made without memory of the host: then others may know of it who don't count as owners, and add a place at any time.
    private let isPromised: Bool
    private let lock = Mutex<Void>(())

    /// Memory of the host that holds whatever it held before; every word must be written before it is read.
    package init(uninitialized count: Int) {
        let block = StoragePool.shared.take(words: count)
        host = Atomic(block.words)
        capacity = block.capacity
        self.count = count
        isPromised = false
    }

    /// Words that have no memory until somebody reads them.
    package init(_ source: WordSource, count: Int) {
        host = Atomic(nil)
        self.source = source
        self.count = count
        isPromised = true
    }

    /// Words that a device makes.
    package init(_ device: DeviceWords, count: Int) {
        precondition(device.block.bytes >= count * 8, "\(device.block.bytes) bytes can't hold \(count) words")
        host = Atomic(nil)
        self.device = device
        self.count = count
        isPromised = false
    }

    /// A copy, on the host, of some of the words.
    package convenience init(copying other: Storage, from offset: Int, count: Int) {
        self.init(uninitialized: count)
        if case .repeating(let value)? = other.unread {
            words.update(repeating: value, count: count)
        } else {
            words.update(from: other.words + offset, count: count)
        }
    }

    deinit {
        if let words = host.load(ordering: .relaxed) {
            StoragePool.shared.giveBack(StoragePool.Block(words: words, capacity: capacity))
        }
    }

    // MARK: On the host

    /// The words on the host, to read.
    ///
    /// Those that aren't there are brought there first, from a device by waiting for it: where that fails, zeros, and what the device's
    /// kernels `check()` throws from then on, before anything is sent.
    package var words: UnsafeMutablePointer<UInt64> {
        host.load(ordering: .acquiring) ?? broughtToHost()
    }

    /// The words on the host, to write; only while uniquely referenced.
    package var mutableWords: UnsafeMutablePointer<UInt64> {
        let words = words
        dropOthers()
        return words
    }

    /// From now on the words are those of the host, or those that `device` gets. Only while uniquely referenced.
    private func dropOthers(than device: DeviceWords? = nil) {
        guard isPromised else {
            self.device = device
            return
        }
        lock.withLock { _ in
            self.device = device
            source = nil
        }
    }

    /// Whether the host can read the words without waiting for a device.
    package var isOnHost: Bool {
        if host.load(ordering: .acquiring) != nil { return true }
        return lock.withLock { _ in
            if case .promise? = source { return host.load(ordering: .acquiring) != nil }
            return source != nil || host.load(ordering: .acquiring) != nil
        }
    }

    /// What the words are, where they have no memory yet.
    package var unread: WordSource? {
        if host.load(ordering: .acquiring) != nil { return nil }
        return lock.withLock { _ in device == nil ? source : nil }
    }

    private func broughtToHost() -> UnsafeMutablePointer<UInt64> {
        lock.withLock { _ in
            // Somebody else may have been faster.
            if let words = host.load(ordering: .acquiring) { return words }
            let block = StoragePool.shared.take(words: count)
            do {
                switch source {
                case .promise?, nil:
                    guard let device = try promised() else {
                        preconditionFailure("a storage has its words in some place")
                    }
                    try device.download(count, to: block.words)
                case let source?: source.write(to: block.words, count: count)
                }
            } catch {
                // Who computes them remembers.
                block.words.update(repeating: 0, count: count)
            }
            capacity = block.capacity
            forgetSecretSource()
            host.store(block.words, ordering: .releasing)
            return block.words
        }
    }

    /// Where the words have memory, nobody needs the key that they come from. Under the lock.
    private func forgetSecretSource() {
        if case .expansion? = source { source = nil }
    }

    // MARK: On a device

    /// The words in a queue's memory: where they are not there yet, `make` brings them there.
    package func deviceWords(
        on queue: any DeviceQueue,
        _ make: (DeviceOrigin) throws -> DeviceWords
    ) throws -> DeviceWords {
        try lock.withLock { _ in
            if let device, device.queue === queue { return device }
            let made: DeviceWords
            if let words = host.load(ordering: .acquiring) {
                made = try make(.host(UnsafePointer(words)))
            } else if let device = try promised() {
                made = device.queue === queue ? device : try make(.device(device))
            } else if let source {
                made = try make(.source(source))
            } else {
                preconditionFailure("a storage has its words in some place")
            }
            device = made
            forgetSecretSource()
            return made
        }
    }

    /// The words in a device's memory, where they are in none but a device's: what was promised is computed.
    package func onlyDevice() throws -> DeviceWords? {
        if host.load(ordering: .acquiring) != nil { return nil }
        return try lock.withLock { _ in try promised() }
    }

    /// Adds a place: a device has computed what was promised, beside something else.
    package func computed(_ words: DeviceWords) {
        lock.withLock { _ in
            guard device == nil, source != nil else { return }
            device = words
            source = nil
        }
    }

    /// The words in a device's memory, computed now where they were promised. Under the lock.
    private func promised() throws -> DeviceWords? {
        guard device == nil, case .promise(let promise)? = source else { return device }
        let made = try promise.compute()
        device = made
        source = nil
        return made
    }

    /// From now on the words are those that a device's kernels write to `words`; only while uniquely referenced.
    package func moveToDevice(_ words: DeviceWords) {
        dropOthers(than: words)
        guard let words = host.load(ordering: .relaxed) else { return }
        StoragePool.shared.giveBack(StoragePool.Block(words: words, capacity: capacity))
        host.store(nil, ordering: .relaxed)
    }

    /// Overwrites all words, in all places, with zeros; the compiler can't remove it. Only while uniquely referenced.
    func wipe() {
        if let words = host.load(ordering: .relaxed) { cct_wipe(words, count * 8) }
        lock.withLock { _ in
            device?.wipe()
            if source != nil { source = .repeating(0) }
        }
    }
}

/// Words that follow from less than they are.
package enum WordSource: Sendable {
    /// All of them are this one.
    case repeating(UInt64)
    /// They are the generator's.
    case expansion(Expansion)
    /// A device computes them when somebody reads them.
    case promise(any WordPromise)

    /// Which words of a generator's stream.
    package final class Expansion: Sendable {
        package let key: ExpansionKey
        package let number: UInt64
        package let start: Int

        package init(_ key: ExpansionKey, number: UInt64, from start: Int) {
            (self.key, self.number, self.start) = (key, number, start)
        }
    }

    fileprivate func write(to words: UnsafeMutablePointer<UInt64>, count: Int) {
        switch self {
        case .repeating(let value): words.initialize(repeating: value, count: count)
        case .expansion(let expansion):
            NativeKernels(threads: 1).write(
                expansion.key,
                number: expansion.number,
                from: expansion.start,
                count: count,
                to: words
            )
        case .promise: preconditionFailure("what is promised is computed by a device")
        }
    }
}

/// Words that a device can compute.
package protocol WordPromise: AnyObject, Sendable {
    /// Queues what computes them.
    func compute() throws -> DeviceWords
}
