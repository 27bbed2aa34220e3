import CrypTenRing

/// What one method does on the device, and what it has there until it ends.
final class DeviceCall {
    /// Work-items of a group, unless a kernel says otherwise.
    static let threads = 256

    let kernels: DeviceKernels
    let queue: any DeviceQueue
    private var blocks: [DeviceBlock] = []
    let patchBytes: Int
    let residues: ResidueUse
    let residueBytes: Int

    init(_ kernels: DeviceKernels) {
        self.kernels = kernels
        queue = kernels.queue
        patchBytes = kernels.settings.patchBytes
        residues = kernels.settings.residues
        residueBytes = kernels.settings.residueBytes
    }

    /// Gives back all that the method had for itself.
    func end() {
        for block in blocks { queue.free(block) }
        blocks = []
    }

    // MARK: Memory of the call

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
        try fill(to, count, with: value)
        return to
    }

    func upload(_ words: [UInt64]) throws -> DeviceAddress {
        let to = try room(words.count)
        try words.withUnsafeBytes { try upload($0, to: to) }
        return to
    }

    func upload(_ bytes: UnsafeRawBufferPointer, to address: DeviceAddress) throws {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        try queue.upload(base, bytes: bytes.count, to: address)
    }

    func fill(_ to: DeviceAddress, _ count: Int, with value: UInt64) throws {
        try forEach(count, "fill", FillArguments(to: to, count: UInt64(count), value: value))
    }

    // MARK: Operands and results

    /// Where an operand's words lie on the device; they are brought there first where they aren't.
    func place(of words: some StoredWords) throws -> DeviceAddress {
        words.wordCount > 0 ? try place(of: words.storage, from: words.firstWord) : 0
    }

    func place(of storage: Storage, from word: Int) throws -> DeviceAddress {
        storage.count > 0 ? try deviceWords(of: storage).block.address.advanced(words: word) : 0
    }

    private func deviceWords(of storage: Storage) throws -> DeviceWords {
        // What waits with it is made with it.
        if case .expansion? = storage.unread { try expand(kernels.expansions.takeWaiting(with: storage)) }
        return try storage.deviceWords(on: queue) { origin in
            let made = try newWords(storage.count)
            switch origin {
            case .host(let words): try queue.upload(words, bytes: storage.count * 8, to: made.block.address)
            case .source(let source): try make(source, storage.count, to: made.block.address)
            case .device(let other):
                let words = try other.onHost(storage.count)
                try words.withWords { try queue.upload($0, bytes: storage.count * 8, to: made.block.address) }
            }
            return made
        }
    }

    private func make(_ source: WordSource, _ count: Int, to: DeviceAddress) throws {
        switch source {
        case .repeating(let value): try fill(to, count, with: value)
        case .expansion(let words):
            try expand(words.key, number: words.number, from: words.start, count: count, to: to, .store)
        case .promise: preconditionFailure("what is promised is computed where it's asked for")
        }
    }

    func newWords(_ count: Int) throws -> DeviceWords {
        DeviceWords(try queue.allocate(bytes: count * 8), of: queue)
    }

    /// A tensor whose elements all are to be written, and where they lie.
    func tensor(_ shape: Shape) throws -> (RingTensor, to: DeviceAddress) {
        guard shape.count > 0 else { return (RingTensor(uninitialized: shape), 0) }
        let words = try newWords(shape.count)
        let tensor = RingTensor(storage: Storage(words, count: shape.count), firstWord: 0, shape: shape)
        return (tensor, words.block.address)
    }

    /// Planes whose words all are to be written, and where they lie.
    func planes(_ planes: Int, count: Int) throws -> (BitPlanes, to: DeviceAddress) {
        let wordCount = planes * BitPlanes.words(for: count)
        guard wordCount > 0 else { return (BitPlanes(uninitialized: planes, count: count), 0) }
        let words = try newWords(wordCount)
        let storage = Storage(words, count: wordCount)
        return (BitPlanes(storage: storage, firstWord: 0, planes: planes, count: count), words.block.address)
    }

    /// Changes words where they lie, or in a place of their own, where others look at them, too.
    func update(_ words: inout some StoredWords, _ body: (DeviceAddress) throws -> Void) throws {
        guard words.wordCount > 0 else { return }
        if words.ownsStorage() {
            let place = try deviceWords(of: words.storage)
            try body(place.block.address.advanced(words: words.firstWord))
            words.storage.moveToDevice(place)
            return
        }
        let own = try newWords(words.wordCount)
        let to = own.block.address
        if case .repeating(let value)? = words.storage.unread {
            try fill(to, words.wordCount, with: value)
        } else {
            let walk = DeviceWalk([words.wordCount], to: [1], from: [1])
            try copy(walk, to: to, from: try place(of: words))
        }
        try body(to)
        words.look(into: Storage(own, count: words.wordCount))
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

    /// Queues a kernel whose struct `body` writes down, in memory that holds zeros and is overwritten afterwards.
    func launch(
        _ kernel: String,
        groups: DeviceGroups,
        threads: Int,
        bytes: Int,
        _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) throws {
        guard !groups.isEmpty else { return }
        try withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 8) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            defer { ProcessMemory.overwrite(buffer) }
            body(buffer)
            try queue.launch(kernel, groups: groups, threads: threads, arguments: UnsafeRawBufferPointer(buffer))
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
