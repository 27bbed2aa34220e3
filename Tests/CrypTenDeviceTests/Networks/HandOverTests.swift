import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import Synchronization
import Testing

/// What members of one process that compute on one device hand over stays on the device.
@Suite("Words handed over on a device", .serialized)
struct HandOverTests {
    /// What a session has taken, by party, as the transport counts it.
    private struct Spent: Equatable, Sendable {
        var rounds: Int
        var bytes: [Int]
        var result: [Double]

        init(_ statistics: SessionStatistics, _ result: [Double]) {
            rounds = statistics.rounds
            bytes = [statistics.onlineBytes, statistics.setupBytes, statistics.dealerBytes]
            self.result = result
        }
    }

    /// Runs a program, where words are handed over or, by a mesh that knows of no common memory, not.
    private func spent(
        _ kernels: [any Kernels],
        handsOver: Bool = true,
        _ program: @escaping @Sendable (Session) async throws -> [Double]
    ) async throws -> [Spent] {
        var configuration = SessionConfiguration()
        configuration.insecureSalt = [UInt8](repeating: 7, count: 32)
        let plain = try MemoryTransport.mesh(
            parties: kernels.count - 1,
            session: "bytes",
            parameters: configuration.agreement
        )
        let transports =
            handsOver
            ? try MemoryTransport.members(of: "words", kernels, configuration) : plain.parties + [plain.dealer]
        return try await withMembers(transports, kernels, configuration: configuration) { session in
            let result = try await program(session)
            return Spent(try await session.statistics, result)
        }
    }

    private static func kernels(_ queues: [any DeviceQueue]) -> [any Kernels] {
        queues.map { DeviceKernels(queue: $0, settings: .everything) }
    }

    @Test("of LeNet the host sees the results, and nothing else", arguments: [2, 3])
    func downloads(parties: Int) async throws {
        let queue = ScriptedQueue()
        let shared = [any DeviceQueue](repeating: queue, count: parties + 1)
        let handed = try await spent(Self.kernels(shared), Programs.leNet)
        #expect(queue.counts.downloads == parties)
        #expect(queue.counts.downloadedBytes == parties * 8 * 20)
        // As many bytes are counted as are sent by those who have devices of their own.
        let own = (0...parties).map { _ in ScriptedQueue() }
        let sent = try await spent(Self.kernels(own), Programs.leNet)
        #expect(handed == sent)
        #expect(own.allSatisfy { $0.counts.downloads > 10 })
    }

    @Test("corrections that are dealt ahead stay there, too")
    func prepared() async throws {
        let queue = ScriptedQueue()
        let kernels = Self.kernels([queue, queue, queue])
        _ = try await spent(kernels) { session in
            let x = try await session.input(from: .party(0)) { Programs.numbers([64, 64], seed: 1) }
            try await session.prepare([relu(x * x)], runs: 2)
            _ = try await session.reveal(relu(x * x), to: .all)
            return try await session.reveal(relu(x * x), to: .all)?.doubles ?? []
        }
        #expect(queue.counts.downloads == 4)
    }

    @Test("bytes that go to others leave the device in pieces, few at a time")
    func pieces() async throws {
        let queues = (0..<3).map { _ in ScriptedQueue() }
        _ = try await spent(Self.kernels(queues)) { session in
            let x = try await session.input(from: .party(0)) { Programs.numbers([3 << 20], seed: 1) }
            return try await session.reveal(x.sum(), to: .all)?.doubles ?? []
        }
        #expect(queues[0].largestTransfer == 8 << 20)
        #expect(queues.allSatisfy { $0.transferBytes == 0 })
    }
}

/// The same on devices that compute.
@Suite(
    "Words handed over, computed",
    .enabled(if: !usable.isEmpty || !usableWithCUDA.isEmpty, "neither OpenCL nor CUDA finds a device on this machine"),
    .serialized
)
struct ComputedHandOverTests {
    @Test("words that come in pieces of any length are the words, on every device; what stays on the host is there")
    func incoming() throws {
        var numbers = SeededNumbers(5)
        for queue in try queues.get() {
            for (settings, isOnHost) in [(DeviceKernels.Settings.everything, false), (DeviceKernels.Settings(), true)] {
                let kernels = DeviceKernels(queue: queue, settings: settings)
                for count in [1, 2, 513, 4099] {
                    let words = (0..<count).map { _ in numbers.next() }
                    let incoming = kernels.incoming(words: count)
                    var done = 0
                    while done < count {
                        let end = min(count, done + 1 + Int(numbers.next() % 700))
                        var piece = Array(words[done..<end])
                        piece.withUnsafeBytes { incoming.append($0) }
                        // Whoever has the bytes changes them.
                        for index in piece.indices { piece[index] = 0 }
                        done = end
                    }
                    let tensor = incoming.finish()
                    #expect(tensor.storage.isOnHost == isOnHost)
                    #expect(tensor.elements == words)
                }
                #expect(kernels.incoming(words: 0).finish().count == 0)
            }
        }
    }

    @Test("bytes between members with a device are received on it, and equal to the processor's")
    func bytes() async throws {
        let native = [any Kernels](repeating: NativeKernels(threads: 1), count: 3)
        let expected = try await withInsecureFixedMembers(native, Programs.leNet)
        for queue in try queues.get() {
            let kernels = (0..<3).map { _ in DeviceKernels(queue: queue, settings: .everything) }
            let configuration = SessionConfiguration()
            let mesh = try MemoryTransport.mesh(parties: 2, session: "bytes", parameters: configuration.agreement)
            let results = try await withMembers(
                mesh.parties + [mesh.dealer],
                kernels,
                configuration: configuration,
                Programs.leNet
            )
            // Masks differ, and with them the last bit of a rounding.
            for result in results {
                #expect(zip(result, expected.results[0]).allSatisfy { abs($0 - $1) < 0.01 })
            }
        }
    }

    @Test("every device, and two of them in one session: all frames and results are the processor's")
    func devices() async throws {
        let native = [any Kernels](repeating: NativeKernels(threads: 1), count: 3)
        let expected = try await withInsecureFixedMembers(native, Programs.leNet)
        let queues = try queues.get()
        var mixtures = queues.map { [$0, $0, $0] }
        if queues.count > 1 { mixtures += [[queues[0], queues[1], queues[1]], [queues[1], queues[0], queues[1]]] }
        for mixture in mixtures {
            let kernels = mixture.map { DeviceKernels(queue: $0, settings: .everything) }
            let members = try await withInsecureFixedMembers(kernels, Programs.leNet)
            #expect(members.results == expected.results, "\(mixture.map(\.name))")
            #expect(members.transcript == expected.transcript, "\(mixture.map(\.name))")
        }
    }

    @Test("two hundred runs: every result is right, and memory comes to rest")
    func soak() async throws {
        for queue in try queues.get() {
            let kernels = (0..<3).map { _ in DeviceKernels(queue: queue, settings: .everything) }
            let configuration = SessionConfiguration()
            let transports = try MemoryTransport.members(of: "soak", kernels, configuration)
            let held = Mutex<[Int]>([])
            let wrong = try await withMembers(transports, kernels, configuration: configuration) { session in
                var wrong = 0
                for run in 0..<200 {
                    let numbers = Programs.numbers([8, 64], seed: UInt64(run))
                    let x = try await session.input(from: .party(run % 2)) { numbers }
                    let y = try await session.reveal(relu(x) * x, to: .all)?.doubles ?? []
                    if !zip(y, numbers.doubles).allSatisfy({ abs($0 - max($1, 0) * $1) < 0.001 }) || y.count != 512 {
                        wrong += 1
                    }
                    if session.party.index == 0 { held.withLock { $0.append(queue.heldBytes) } }
                }
                return wrong
            }
            #expect(wrong == [0, 0])
            let most = held.withLock { ($0[..<50].max() ?? 0, $0[50...].max() ?? 0) }
            #expect(most.1 <= most.0 * 5 / 4, "\(most)")
        }
    }
}

extension DeviceQueue {
    /// What a queue of this package has of its device's memory, in use or kept.
    var heldBytes: Int {
        (self as? OpenCLQueue)?.heldBytes ?? (self as? CUDAQueue)?.heldBytes ?? 0
    }
}
