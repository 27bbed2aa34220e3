import CrypTenBase
package import CrypTenRing
private import Synchronization

/// The kernels on a device: each method queues what it has to do, and returns a promise of its result.
///
/// Equal to `PlainKernels` to the bit. Operands are brought to the device where they aren't there, once; results stay there until the host
/// reads them, and only that waits. What is small, and lies on the host anyway, is computed there: a launch takes longer.
///
/// No method throws. Where the device fails, or has no room, the result is zeros, `check()` throws from then on, and nothing is computed any
/// more: whoever sends something, or tells it, checks before.
package final class DeviceKernels: Kernels {
    package let queue: any DeviceQueue
    let settings: Settings
    /// Computes what is small.
    let host: NativeKernels

    /// What is expanded, and wasn't read yet.
    let expansions = WaitingExpansions()
    /// Programs of logic that were put together, and where they lie on the device.
    let logic = LogicPrograms()
    private let failure = Mutex<CrypTenError?>(nil)

    /// When to do what: none of it changes a bit.
    package struct Settings: Sendable {
        /// Operations on the host's words alone that touch fewer words stay there.
        package var hostWords = 1 << 13
        /// Products of the host's words alone that take fewer multiplications stay there.
        package var hostProducts = 1 << 20
        /// How many bytes of patches a convolution makes at a time, at most, unless one channel's or row's are more.
        package var patchBytes = 256 << 20
        /// Which products go by residues: `.large` where the device multiplies tiles of signed bytes.
        package var residues = ResidueUse.never
        /// How many bytes of residues a product makes at a time, at most; where that is room for a few rows alone, it goes word by word.
        package var residueBytes = 256 << 20

        package init() {}

        /// Those of a queue's device: products go by residues where it has tensor cores.
        package static func usual(for queue: any DeviceQueue) -> Settings {
            var settings = Settings()
            if queue.name == "cuda" { settings.residues = .large }
            return settings
        }

        /// Nothing stays on the host.
        package static var everything: Settings {
            var settings = Settings()
            settings.hostWords = 0
            settings.hostProducts = 0
            return settings
        }
    }

    /// - Parameters:
    ///   - queue: The device's; several kernels may share one.
    ///   - settings: When to do what.
    ///   - threads: The host's, for what is computed there.
    package init(queue: any DeviceQueue, settings: Settings = Settings(), threads: Int = 1) {
        self.queue = queue
        self.settings = settings
        host = NativeKernels(threads: threads)
    }

    package var name: String {
        queue.name
    }

    package var computesAside: Bool {
        true
    }

    package func check() throws {
        if let failure = failure.withLock({ $0 }) { throw failure }
        try queue.check()
    }

    package func checkRoom(for bytes: Int) throws {
        let scratch = settings.patchBytes + settings.residueBytes
        guard bytes > queue.memoryBytes - scratch else { return }
        throw CrypTenError(
            .notEnoughDeviceMemory,
            "a run needs some \(bytes >> 20) MiB, and \(scratch >> 20) MiB for products, where \(queue.deviceName) has \(queue.memoryBytes >> 20) MiB: "
                + "run fewer rows at a time, as with --memory-limit, or without the device"
        )
    }

    package var memory: DeviceMemory? {
        DeviceMemory(of: queue)
    }

    package func incoming(words count: Int) -> any IncomingWords {
        count > 0 && count >= settings.hostWords ? IncomingDeviceWords(count, self) : IncomingHostWords(count)
    }

    package func settle(_ words: [any StoredWords]) {
        for words in words where words.storage.unread != nil {
            onDevice(()) { call in _ = try call.place(of: words.storage, from: 0) }
        }
    }

    package func wipeGivenBack() {
        host.wipeGivenBack()
        do { try queue.wipeKept() } catch { record(error) }
    }

    // MARK: Where

    /// Whether words stay on the host: they are there, and few.
    func staysOnHost(_ words: any StoredWords...) -> Bool {
        areOnHost(words, fewerThan: settings.hostWords)
    }

    func areOnHost(_ words: [any StoredWords], fewerThan most: Int) -> Bool {
        most > 0 && words.reduce(0) { $0 + $1.wordCount } < most && words.allSatisfy { $0.storage.isOnHost }
    }

    // MARK: Calls

    /// Queues a method's work; `instead` is what it returns where something has failed.
    func onDevice<Result>(
        _ instead: @autoclosure () -> Result,
        _ body: (DeviceCall) throws -> Result
    ) -> Result {
        guard failure.withLock({ $0 == nil }) else { return instead() }
        return (try? calling(body)) ?? instead()
    }

    /// Queues what computes a promise.
    ///
    /// - Throws: what has failed, now or before.
    func computing(_ body: (DeviceCall) throws -> DeviceWords) throws -> DeviceWords {
        try calling { call in
            try check()
            return try body(call)
        }
    }

    /// Makes a call; what it throws is remembered.
    private func calling<Result>(_ body: (DeviceCall) throws -> Result) throws -> Result {
        let call = DeviceCall(self)
        defer { call.end() }
        do {
            return try body(call)
        } catch {
            record(error)
            throw error
        }
    }

    private func record(_ error: any Error) {
        let failed =
            error as? CrypTenError ?? CrypTenError(.deviceFailed, "\(queue.deviceName) failed: \(error)")
        failure.withLock { $0 = $0 ?? failed }
    }
}
