import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Testing

/// Where no driver is, these tests say by name what wasn't tested. Scripts/gpu-test-driver makes one that needs no GPU:
///
///     Scripts/gpu-test-driver FOLDER && LD_LIBRARY_PATH=FOLDER swift test -c release --filter CrypTenDeviceTests
@Suite("A device under CUDA", .enabled(if: !usableWithCUDA.isEmpty, "CUDA finds no device on this machine"))
struct CUDATests {
    @Test("is one whose number and memory are known")
    func devices() throws {
        let devices = try CUDADevice.all()
        #expect(devices.map(\.index) == Array(devices.indices))
        for device in devices {
            #expect(!device.name.isEmpty)
            #expect(device.memoryBytes >= 1 << 20)
            #expect(device.processorCount >= 1)
            #expect(device.obstacle == nil || device.obstacle?.contains(device.name) == true)
        }
        for device in usableWithCUDA {
            let (free, total) = try CUDAQueue(device).memory()
            #expect(free <= total && total <= device.memoryBytes)
        }
    }

    @Test("gives back what was copied to it, in the order of the queue")
    func copies() throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        var numbers = SeededNumbers(1)
        let piece = CUDAQueue.pieceBytes / 8
        for count in [1, 2, 511, 4097, piece, piece + 1, 2 * piece - 7, 3 * piece + 5] {
            var words = (0..<count).map { _ in numbers.next() }
            let copy = words
            let block = try queue.allocate(bytes: count * 8)
            try queue.upload(&words, to: block)
            // What the queue reads is its own.
            for i in words.indices { words[i] = 0 }
            try queue.expect(copy, in: block)
            try queue.fill(block, count: count - 1, with: 7)
            try queue.expect([UInt64](repeating: 7, count: count - 1) + copy.suffix(1), in: block)
            queue.free(block)
        }
        try queue.finish()
    }

    @Test("copies many pieces, more than there is room for on the way")
    func manyPieces() throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        let count = 10 * CUDAQueue.pieceBytes / 8
        let block = try queue.allocate(bytes: count * 8)
        for turn in 0..<3 as Range<UInt64> {
            var words = (0..<count).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 &+ turn }
            try queue.upload(&words, to: block)
            try queue.expect(words, in: block)
        }
        // As many as may be on their way, and one for a download's piece or two.
        #expect(queue.heldPinnedBytes <= 11 * CUDAQueue.pieceBytes)
        queue.free(block)
    }

    @Test("pins no more of the host's memory than it may: beyond, copies go through other memory, and are equal")
    func boundedPins() throws {
        let most = 2 * CUDAQueue.pieceBytes
        let queue = try CUDAQueue(usableWithCUDA[0], mostPinnedBytes: most)
        let count = 3 << 17
        for _ in 0..<2 {
            var transfers: [any DeviceTransfer] = []
            for turn in 0..<6 as Range<UInt64> {
                let block = try queue.allocate(bytes: count * 8)
                var words = (0..<count).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 &+ turn }
                try queue.upload(&words, to: block)
                transfers.append(try queue.beginDownload(block.address, bytes: count * 8))
                queue.free(block)
                #expect(queue.heldPinnedBytes <= most)
            }
            for (turn, transfer) in zip(0..<6 as Range<UInt64>, transfers) {
                let words = try transfer.wait().bindMemory(to: UInt64.self)
                let isEqual = words.indices.allSatisfy {
                    words[$0] == UInt64($0) &* 0x9E37_79B9_7F4A_7C15 &+ turn
                }
                #expect(isEqual && words.count == count)
            }
            transfers = []
            try queue.wipeKept()
        }
        try queue.finish()
        #expect(queue.heldPinnedBytes <= most)
    }

    @Test(
        "copies to the host what was there, whatever becomes of it later",
        arguments: [8, 4096, CUDAQueue.leastBytesApart - 8, CUDAQueue.leastBytesApart, 3 * CUDAQueue.pieceBytes]
    )
    func transfers(bytes: Int) throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        let block = try queue.allocate(bytes: bytes)
        var transfers: [any DeviceTransfer] = []
        for turn in 1...3 as ClosedRange<UInt64> {
            try queue.fill(block, count: bytes / 8, with: turn)
            transfers.append(try queue.beginDownload(block.address, bytes: bytes))
        }
        try queue.fill(block, count: bytes / 8, with: 99)
        // The block's next owner writes it, too.
        queue.free(block)
        let next = try queue.allocate(bytes: bytes)
        try queue.fill(next, count: bytes / 8, with: 98)
        try queue.finish()
        for (turn, transfer) in zip(1...3 as ClosedRange<UInt64>, transfers).reversed() {
            for _ in 0..<2 {
                let words = try transfer.wait().bindMemory(to: UInt64.self)
                #expect(words.count == bytes / 8)
                let isBefore = words.allSatisfy { $0 == turn }
                #expect(isBefore)
            }
        }
        queue.free(next)
        // Those that nobody waits for end before their memory is somebody else's.
        transfers = try (0..<4).map { _ in try queue.beginDownload(next.address, bytes: bytes) }
        transfers = []
        #expect(try queue.beginDownload(next.address, bytes: 0).wait().isEmpty)
        try queue.finish()
    }

    @Test("takes a block of the same size again, and gives back what is too much to keep")
    func pool() throws {
        let queue = try CUDAQueue(usableWithCUDA[0], keptBytes: 1 << 20)
        let first = try queue.allocate(bytes: 1 << 19)
        let second = try queue.allocate(bytes: 1 << 20)
        #expect(queue.heldBytes == 3 << 19)
        queue.free(first)
        queue.free(second)
        #expect(queue.heldBytes == 1 << 19)
        let again = try queue.allocate(bytes: 1 << 19)
        #expect(again.address == first.address)
        queue.free(again)
    }

    @Test("overwrites what was given back when it is told to, and nothing else")
    func wiping() throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        let (used, freed) = (try queue.allocate(bytes: 512), try queue.allocate(bytes: 2048))
        for block in [used, freed] { try queue.fill(block, count: block.bytes / 8, with: 9) }
        queue.free(freed)
        try queue.wipeKept()
        #expect(try queue.words(64, of: used) == [UInt64](repeating: 9, count: 64))
        #expect(try queue.words(256, of: freed) == [UInt64](repeating: 0, count: 256))
        try queue.wipe(used.address, bytes: 8)
        #expect(try queue.words(64, of: used) == [0] + [UInt64](repeating: 9, count: 63))
        queue.free(used)
    }

    @Test("fails once and for all where a kernel is missing")
    func failure() throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        let block = try queue.allocate(bytes: 8)
        let transfer = try queue.beginDownload(block.address, bytes: 8)
        let empty = try queue.beginDownload(block.address, bytes: 0)
        let expected: (any Error) -> Bool = { ($0 as? CrypTenError)?.code == .deviceFailed }
        try queue.check()
        #expect(
            performing: {
                try withUnsafeBytes(of: block) {
                    try queue.launch("nothing", groups: DeviceGroups(1), threads: 1, arguments: $0)
                }
            },
            throws: { error in
                guard let error = error as? CrypTenError, error.code == .deviceFailed else { return false }
                return error.message.contains("nothing") && error.message.contains("CUDA_ERROR_NOT_FOUND")
            }
        )
        #expect(performing: { try queue.check() }, throws: expected)
        #expect(performing: { try queue.fill(block, count: 1, with: 1) }, throws: expected)
        #expect(performing: { try queue.allocate(bytes: 8) }, throws: expected)
        var word: UInt64 = 3
        #expect(performing: { try queue.upload(&word, bytes: 8, to: block.address) }, throws: expected)
        #expect(performing: { try queue.download(block.address, bytes: 8, to: &word) }, throws: expected)
        #expect(word == 3)
        #expect(performing: { try queue.beginDownload(block.address, bytes: 8) }, throws: expected)
        #expect(performing: { try queue.beginDownload(block.address, bytes: 0) }, throws: expected)
        #expect(performing: { try transfer.wait() }, throws: expected)
        #expect(performing: { try empty.wait() }, throws: expected)
        #expect(performing: { try queue.wipe(block.address, bytes: 8) }, throws: expected)
        #expect(performing: { try queue.wipeKept() }, throws: expected)
        #expect(performing: { try queue.finish() }, throws: expected)
        queue.free(block)
    }

    @Test("says what its compiler says of kernels that it can't compile")
    func badImage() {
        #expect(
            performing: { try CUDAQueue(usableWithCUDA[0], image: ".version 8.0\n.target nothing\n") },
            throws: { error in
                guard let error = error as? CrypTenError, error.code == .deviceUnavailable else { return false }
                return error.message.contains("CUDA_ERROR_") && error.message.contains("ptxas")
            }
        )
    }

    @Test("has no room for more than there is, and goes on")
    func memory() throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        #expect(
            performing: { try queue.allocate(bytes: 1 << 50) },
            throws: { error in
                (error as? CrypTenError)?.code == .notEnoughDeviceMemory
            }
        )
        let block = try queue.allocate(bytes: 8)
        try queue.fill(block, count: 1, with: 1)
        try queue.finish()
        queue.free(block)
    }

    @Test("serves several threads at once")
    func threads() async throws {
        let queue = try CUDAQueue(usableWithCUDA[0])
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for thread in 0..<6 as Range<UInt64> {
                group.addTask {
                    for turn in 0..<30 as Range<UInt64> {
                        let count = 1 + Int(thread * 97 + turn * 1013) % 70_000
                        var words = (0..<count).map { UInt64($0) &* thread &+ turn }
                        let copy = words
                        let block = try queue.allocate(bytes: count * 8)
                        try queue.upload(&words, to: block)
                        let transfer = try queue.beginDownload(block.address, bytes: count * 8)
                        try queue.fill(block, count: count, with: thread)
                        queue.free(block)
                        let back = try transfer.wait().bindMemory(to: UInt64.self)
                        guard back.elementsEqual(copy) else { return false }
                    }
                    return true
                }
            }
            for try await equal in group { #expect(equal) }
        }
    }
}

extension DeviceQueue {
    func upload(_ words: inout [UInt64], to block: DeviceBlock) throws {
        try words.withUnsafeBytes { try upload($0.baseAddress!, bytes: $0.count, to: block.address) }
    }

    func words(_ count: Int, of block: DeviceBlock) throws -> [UInt64] {
        var words = [UInt64](repeating: 0, count: count)
        try words.withUnsafeMutableBytes { try download(block.address, bytes: $0.count, to: $0.baseAddress!) }
        return words
    }

    /// Expects that a block begins with these words; what differs would be a long message.
    func expect(
        _ words: [UInt64],
        in block: DeviceBlock,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let equal = try self.words(words.count, of: block) == words
        #expect(equal, sourceLocation: sourceLocation)
    }

    func fill(_ block: DeviceBlock, count: Int, with value: UInt64) throws {
        // As `FillArguments` has them.
        try [block.address, UInt64(count), value].withUnsafeBytes {
            try launch("fill", groups: DeviceGroups(for: count, threads: 256), threads: 256, arguments: $0)
        }
    }
}
