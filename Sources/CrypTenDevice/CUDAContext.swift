import CrypTenBase
private import Synchronization

/// What a queue has of the driver: the device's context, a stream of work and one of copies, the kernels, and events.
///
/// Every call goes through here, because any thread may call and the driver asks the thread which context it means; and because a failure
/// stays: after the first one all calls throw it.
///
/// Safety of `@unchecked Sendable`: the handles are constants once `init` has returned.
final class CUDAContext: @unchecked Sendable {
    typealias Handle = CUDALibrary.Handle

    let device: CUDADevice
    private let library: CUDALibrary
    private var context, module, workStream, copyStream: Handle?
    private let events = Mutex(Events())
    private let failed = Mutex<CrypTenError?>(nil)

    /// Safety of `@unchecked Sendable`: it's the lock's.
    private struct Events: @unchecked Sendable {
        var unused: [Handle] = []
    }

    /// - Parameters:
    ///   - device: The device, which has no obstacle.
    ///   - image: What the driver compiles: PTX.
    /// - Throws: `.deviceUnavailable`, with what the driver's compiler says, or `.notEnoughDeviceMemory`.
    init(_ device: CUDADevice, image: String) throws {
        self.device = device
        library = try CUDALibrary.shared()
        // From here on `deinit` gives back what was made, also where something is thrown.
        func made(_ what: String, _ make: (CUDALibrary.Made) -> CUDALibrary.Code) throws -> Handle {
            var handle: Handle?
            let code = make(&handle)
            if let handle, code == 0 { return handle }
            throw unavailable("gives no \(what)", code)
        }
        let context = try made("context") { library.retainContext($0, device.handle) }
        self.context = context
        let code = library.setContext(context)
        guard code == 0 else { throw unavailable("gives no context", code) }
        workStream = try made("stream") { library.createStream($0, CUDAConstants.nonBlocking) }
        copyStream = try made("stream") { library.createStream($0, CUDAConstants.nonBlocking) }
        module = try load(image)
    }

    private func unavailable(_ what: String, _ code: CUDALibrary.Code, _ log: String = "") -> CrypTenError {
        CrypTenError(
            code == CUDAConstants.outOfMemory ? .notEnoughDeviceMemory : .deviceUnavailable,
            "\(device.name) \(what): \(library.describe(code))" + (log.isEmpty ? "" : ":\n\(log)")
        )
    }

    private func load(_ image: String) throws -> Handle {
        let logBytes = 8192
        let log = UnsafeMutableRawPointer.allocate(byteCount: logBytes, alignment: 16)
        defer { log.deallocate() }
        log.initializeMemory(as: UInt8.self, repeating: 0, count: logBytes)
        var options = [CUDAConstants.errorLog, CUDAConstants.errorLogBytes]
        // A number among them stands where a pointer would.
        var values: [UnsafeMutableRawPointer?] = [log, UnsafeMutableRawPointer(bitPattern: logBytes)]
        var module: Handle?
        let code = image.withCString { library.loadModule(&module, $0, UInt32(options.count), &options, &values) }
        if let module, code == 0 { return module }
        let text = UnsafeRawBufferPointer(start: log, count: logBytes).prefix { $0 != 0 }
        throw unavailable("doesn't take the kernels", code, String(decoding: text, as: UTF8.self))
    }

    deinit {
        guard let context else { return }
        _ = library.setContext(context)
        for event in events.withLock({ $0.unused }) { _ = library.destroyEvent(event) }
        if let module { _ = library.unloadModule(module) }
        if let copyStream { _ = library.destroyStream(copyStream) }
        if let workStream { _ = library.destroyStream(workStream) }
        _ = library.releaseContext(device.handle)
    }

    /// The stream of kernels, and of copies that later kernels wait for.
    var work: Handle {
        made(workStream)
    }

    /// The stream of copies that no kernel waits for.
    var copies: Handle {
        made(copyStream)
    }

    private func made(_ handle: Handle?) -> Handle {
        guard let handle else { preconditionFailure("a context that was thrown away") }
        return handle
    }

    // MARK: Calls

    /// What failed first, if something did.
    var failure: CrypTenError? {
        failed.withLock { $0 }
    }

    /// Calls the driver for the device.
    ///
    /// - Throws: what failed before.
    /// - Returns: the driver's code, of which nothing follows yet.
    func code(_ body: (CUDALibrary) -> CUDALibrary.Code) throws -> CUDALibrary.Code {
        if let failure { throw failure }
        let code = library.setContext(made(context))
        return code == 0 ? body(library) : code
    }

    /// Calls the driver for the device.
    ///
    /// - Parameters:
    ///   - what: What is done, for the message: "copying to it".
    ///   - body: The call.
    /// - Throws: what failed before, or `.deviceFailed`, which stays.
    func call(_ what: @autoclosure () -> String, _ body: (CUDALibrary) -> CUDALibrary.Code) throws {
        try succeed(code(body), what())
    }

    /// Calls the driver to give something back, also after a failure; one of this call's own is thrown by the next.
    func giveBack(_ body: (CUDALibrary) -> CUDALibrary.Code) {
        _ = library.setContext(made(context))
        try? succeed(body(library), "giving memory back")
    }

    /// Notes a failure, if it is one, and throws the first.
    func succeed(_ code: CUDALibrary.Code, _ what: @autoclosure () -> String) throws {
        guard code != 0 else { return }
        let failure = CrypTenError(.deviceFailed, "\(device.name) failed, \(what()): \(library.describe(code))")
        throw failed.withLock { failed in
            failed = failed ?? failure
            return failed ?? failure
        }
    }

    /// A kernel by its name.
    func function(_ kernel: String) throws -> Handle {
        var function: Handle?
        try call("looking for its kernel \(kernel)") { $0.function(&function, made(module), kernel) }
        return made(function)
    }

    // MARK: Events

    /// An event that comes when all that was queued on a stream is done.
    func event(after stream: Handle) throws -> Handle {
        let event = try takeEvent()
        do {
            try call("queueing an event") { $0.recordEvent(event, stream) }
        } catch {
            giveBack(event)
            throw error
        }
        return event
    }

    private func takeEvent() throws -> Handle {
        if let event = events.withLock({ $0.unused.popLast() }) { return event }
        var event: Handle?
        try call("making an event") { $0.createEvent(&event, CUDAConstants.withoutTiming) }
        return made(event)
    }

    func giveBack(_ event: Handle) {
        events.withLock { $0.unused.append(event) }
    }

    func wait(for event: Handle) throws {
        try call("waiting for it") { $0.waitForEvent(event) }
    }

    func hasCome(_ event: Handle) throws -> Bool {
        let code = try code { $0.queryEvent(event) }
        if code == CUDAConstants.notReady { return false }
        try succeed(code, "waiting for it")
        return true
    }
}
