import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Testing

/// What only a driver for tests shows: it fails when it's told to, and counts what it gave and got back.
@Suite(
    "A driver that fails",
    .serialized,
    .enabled(if: TestDriver.shared != nil, "there is no driver of Scripts/gpu-test-driver")
)
struct CUDAFaultTests {
    private var driver: TestDriver {
        get throws { try #require(TestDriver.shared) }
    }

    /// The one that no other test uses: small, and the driver's last.
    private var device: CUDADevice {
        get throws { try #require(CUDADevice.all().last) }
    }

    /// What the sequence downloads.
    private let expected: [[UInt64]] = {
        let first = [UInt64](repeating: 9, count: 7) + (7..<80_000 as Range<UInt64>)
        let second = [UInt64](repeating: 5, count: 512) + [UInt64](repeating: 3, count: 80_000 - 512)
        return [first, second, [0, 0] + first[2...]]
    }()

    /// Whether each of the results is what it should be, or hasn't been written.
    private func areRight(_ results: [[UInt64]]) -> Bool {
        zip(results, expected).allSatisfy { $0 == $1 || $0.allSatisfy { $0 == 3 } }
    }

    /// Does one of everything that a queue does.
    ///
    /// - Parameters:
    ///   - device: The device.
    ///   - results: What was downloaded; the words begin as 3.
    /// - Throws: what the queue throws.
    private func sequence(_ device: CUDADevice, into results: inout [[UInt64]]) throws {
        let count = 80_000
        results = [[UInt64]](repeating: [UInt64](repeating: 3, count: count), count: 3)
        let queue = try CUDAQueue(device, keptBytes: 1 << 20)
        let block = try queue.allocate(bytes: count * 8)
        defer { queue.free(block) }
        var words = (0..<count).map { UInt64($0) }
        try queue.upload(&words, to: block)
        let small = try queue.allocate(bytes: 4096)
        defer { queue.free(small) }
        try queue.fill(small, count: 512, with: 5)
        try queue.fill(block, count: 7, with: 9)
        // The first beside the kernels, the second among them.
        let transfers = [
            try queue.beginDownload(block.address, bytes: count * 8),
            try queue.beginDownload(small.address, bytes: 4096),
        ]
        try queue.wipe(block.address, bytes: 16)
        for (i, transfer) in transfers.enumerated() {
            for (k, word) in try transfer.wait().bindMemory(to: UInt64.self).enumerated() { results[i][k] = word }
        }
        try results[2].withUnsafeMutableBytes {
            try queue.download(block.address, bytes: $0.count, to: $0.baseAddress!)
        }
        // Goes back to the driver at once.
        queue.free(try queue.allocate(bytes: 2 << 20))
        try queue.upload(&words, to: block)
        try queue.wipeKept()
        try queue.finish()
    }

    @Test("none at all: all is given back, overwritten, and nothing is done that mustn't be")
    func noFault() throws {
        let held = try driver.held
        var results: [[UInt64]] = []
        try sequence(device, into: &results)
        for (result, words) in zip(results, expected) {
            let equal = result == words
            #expect(equal)
        }
        #expect(try driver.held == held)
        #expect(try driver.violations == 0)
    }

    @Test(
        "any call of a sequence: the error has the driver's name, and nothing that isn't right is downloaded",
        arguments: [1, 700, 719, 999] as [Int32]
    )
    func faults(code: Int32) throws {
        let (driver, device, held) = (try driver, try device, try driver.held)
        defer { driver.failNoMore() }
        let names: [Int32: String] = [
            1: "CUDA_ERROR_INVALID_VALUE", 700: "CUDA_ERROR_ILLEGAL_ADDRESS", 719: "CUDA_ERROR_LAUNCH_FAILED",
        ]
        var failed = 0
        for call in 1... {
            let before = driver.count("calls")
            driver.fail(call: call, with: code)
            var results: [[UInt64]] = []
            var error: CrypTenError?
            do {
                try sequence(device, into: &results)
            } catch let thrown as CrypTenError {
                error = thrown
            }
            driver.failNoMore()
            #expect(driver.held == held, "call \(call)")
            if let error {
                failed += 1
                #expect([.deviceFailed, .deviceUnavailable].contains(error.code), "call \(call): \(error)")
                #expect(error.message.contains(device.name), "call \(call): \(error)")
                #expect(error.message.contains(names[code] ?? "CUDA_ERROR_UNKNOWN"), "call \(call): \(error)")
            } else if driver.count("calls") - before < call {
                break  // there is no such call
            }
            let right = areRight(results)
            #expect(right, "call \(call)")
        }
        // Those that give back at the end have nobody left to tell.
        #expect(failed > 60)
    }

    @Test("memory that can't be had, on the device or pinned: a named error, and what is left goes back")
    func memoryFaults() throws {
        let (driver, device, held) = (try driver, try device, try driver.held)
        defer { driver.failNoMore() }
        var codes: Set<CrypTenError.Code> = []
        for call in 1... {
            let before = driver.count("calls")
            driver.fail(call: call, with: 2)
            var results: [[UInt64]] = []
            do {
                try sequence(device, into: &results)
                if driver.count("calls") - before < call { break }
            } catch let error as CrypTenError {
                codes.insert(error.code)
                #expect(error.message.contains("CUDA_ERROR_OUT_OF_MEMORY"), "call \(call): \(error)")
            }
            driver.failNoMore()
            #expect(driver.held == held, "call \(call)")
        }
        // Where memory is asked for, it's asked for twice, and is there.
        #expect(codes == [.deviceFailed, .notEnoughDeviceMemory])
    }

    @Test("a failure stays, though the driver goes on")
    func sticky() throws {
        let (driver, queue) = (try driver, try CUDAQueue(device))
        let block = try queue.allocate(bytes: 64)
        try queue.fill(block, count: 8, with: 1)
        let transfer = try queue.beginDownload(block.address, bytes: 64)
        // Of each call the context is set first.
        driver.fail(call: 2, with: 719)
        #expect(throws: CrypTenError.self) { try queue.fill(block, count: 8, with: 2) }
        driver.failNoMore()
        for _ in 0..<2 {
            var word: UInt64 = 3
            for attempt in [
                { try queue.fill(block, count: 8, with: 2) }, { _ = try transfer.wait() }, { try queue.finish() },
                { try queue.download(block.address, bytes: 8, to: &word) },
                { queue.free(try queue.allocate(bytes: 64)) },
            ] as [() throws -> Void] {
                #expect(
                    performing: attempt,
                    throws: { error in
                        guard let error = error as? CrypTenError, error.code == .deviceFailed else { return false }
                        return error.message.contains("fill") && error.message.contains("CUDA_ERROR_LAUNCH_FAILED")
                    }
                )
            }
            #expect(word == 3)
        }
        queue.free(block)
    }

    @Test("memory that isn't the device's, in a kernel: the launch fails, and so does what follows")
    func illegalAddress() throws {
        var word: UInt64 = 3
        let held = try driver.held
        do {
            let queue = try CUDAQueue(device)
            let block = try queue.allocate(bytes: 64)
            defer { queue.free(block) }
            try withUnsafeMutablePointer(to: &word) { pointer in
                let host = DeviceBlock(address: UInt64(UInt(bitPattern: pointer)), bytes: 8)
                try queue.fill(host, count: 1, with: 1)
            }
            let expected: (any Error) -> Bool = { error in
                guard let error = error as? CrypTenError, error.code == .deviceFailed else { return false }
                return error.message.contains("CUDA_ERROR_ILLEGAL_ADDRESS")
            }
            #expect(performing: { try queue.finish() }, throws: expected)
            #expect(performing: { try queue.fill(block, count: 1, with: 1) }, throws: expected)
            #expect(word == 3)
        }
        #expect(try driver.held == held)
        // With the last of its queues the device's context ended, and the error with it.
        let queue = try CUDAQueue(device)
        let block = try queue.allocate(bytes: 64)
        try queue.fill(block, count: 1, with: 1)
        #expect(try queue.words(1, of: block) == [1])
        queue.free(block)
    }

    @Test("a device that is full says so, keeps nothing that is in the way, and goes on")
    func full() throws {
        let (driver, device, held) = (try driver, try device, try driver.held)
        do {
            let queue = try CUDAQueue(device)
            let mebibyte = 1 << 20
            var blocks = try (0..<15).map { _ in try queue.allocate(bytes: 4 * mebibyte) }
            #expect(try queue.memory().free == device.memoryBytes - 60 * mebibyte)
            #expect(
                performing: { try queue.allocate(bytes: 8 * mebibyte) },
                throws: { error in
                    guard let error = error as? CrypTenError, error.code == .notEnoughDeviceMemory else { return false }
                    return error.message.contains("\(8 * mebibyte)") && error.message.contains("\(4 * mebibyte)")
                        && error.message.contains(device.name)
                }
            )
            try queue.check()
            // A copy beside the kernels has no room on the device, and is made among them.
            try queue.fill(blocks[0], count: mebibyte / 2, with: 6)
            blocks.append(try queue.allocate(bytes: 4 * mebibyte))
            let transfer = try queue.beginDownload(blocks[0].address, bytes: 4 * mebibyte)
            try queue.fill(blocks[0], count: mebibyte / 2, with: 7)
            let back = try transfer.wait().bindMemory(to: UInt64.self)
            let isBefore = back.prefix(mebibyte / 2).allSatisfy { $0 == 6 }
            #expect(isBefore)
            // What is kept makes room for another size.
            for block in blocks.suffix(2) { queue.free(block) }
            blocks.removeLast(2)
            blocks.append(try queue.allocate(bytes: 8 * mebibyte))
            try queue.fill(blocks[14], count: mebibyte, with: 8)
            try queue.expect([UInt64](repeating: 8, count: mebibyte), in: blocks[14])
            for block in blocks { queue.free(block) }
        }
        #expect(driver.held == held)
        #expect(driver.violations == 0)
    }

    @Test("a queue that has failed is replaced by whoever opens the device next, and one that works is shared")
    func replaced() throws {
        let choice = DeviceChoice.cuda(try device.index)
        let failing = try #require(try choice.open())
        #expect(try choice.open() === failing)
        #expect(throws: CrypTenError.self) {
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            try failing.launch("nothing", groups: DeviceGroups(1), threads: 1, arguments: none)
        }
        let next = try #require(try choice.open())
        #expect(next !== failing)
        #expect(try choice.open() === next)
        let block = try next.allocate(bytes: 8)
        try next.fill(block, count: 1, with: 4)
        #expect(try next.words(1, of: block) == [4])
        next.free(block)
    }

    @Test("what is kept is overwritten once for each owner")
    func wipedOnce() throws {
        let (driver, queue) = (try driver, try CUDAQueue(device))
        let blocks = try [512, 1024, 1024].map { try queue.allocate(bytes: $0) }
        let before = driver.count("bytes overwritten")
        var bytes: [Int] = []
        for returned in [{ blocks }, { [] }, { [try queue.allocate(bytes: 1024)] }, { [] }]
            as [() throws -> [DeviceBlock]]
        {
            for block in try returned() { queue.free(block) }
            try queue.wipeKept()
            bytes.append(driver.count("bytes overwritten") - before)
        }
        #expect(bytes == [2560, 2560, 3584, 3584])
    }

    @Test("pinned memory holds nothing after it's overwritten, and nothing of a transfer that is gone")
    func wipedPinned() throws {
        let (driver, queue) = (try driver, try CUDAQueue(device))
        let others = driver.count("full pinned blocks")
        let block = try queue.allocate(bytes: 2 * CUDAQueue.pieceBytes)
        var words = [UInt64](repeating: 7, count: CUDAQueue.pieceBytes / 8 + 5)
        try queue.upload(&words, to: block)
        var transfer: (any DeviceTransfer)? = try queue.beginDownload(block.address, bytes: 1 << 20)
        #expect(try transfer?.wait().count == 1 << 20)
        // Two pieces, and the transfer's.
        #expect(driver.count("full pinned blocks") == others + 3)
        transfer = nil
        #expect(driver.count("full pinned blocks") == others + 2)
        try queue.wipeKept()
        #expect(driver.count("full pinned blocks") == others)
        #expect(queue.heldPinnedBytes >= 2 * CUDAQueue.pieceBytes)
        try queue.upload(&words, to: block)
        try queue.expect(words, in: block)
        queue.free(block)
    }

    @Test("an older device is listed with what is in its way, and refused")
    func older() throws {
        let older = try #require(CUDADevice.all().first { $0.obstacle != nil })
        #expect("\(older.capability)" == "7.5")
        #expect(older.obstacle?.contains("7.5") == true && older.obstacle?.contains("OpenCL") == true)
        #expect(
            performing: { try CUDAQueue(older) },
            throws: { ($0 as? CrypTenError)?.code == .deviceUnavailable }
        )
    }
}
