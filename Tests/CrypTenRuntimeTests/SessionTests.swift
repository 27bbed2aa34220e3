import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Dispatch
import Testing

@Suite("Sessions")
struct SessionTests {
    @Test("every party learns the same, or only the one that may", arguments: [2, 3, 5])
    func reveal(parties: Int) async throws {
        let results = try await withLocalParties(parties) { session -> [Tensor?] in
            let x = try await session.input(from: .party(0)) { Tensor([1, -2, 3.5], shape: [3]) }
            let y = try await session.input(from: .party(1)) { Tensor([4, 5, -6], shape: [3]) }
            let all = try await session.reveal(x * y + 1.0, to: .all)
            let one = try await session.reveal(relu(x - y), to: .party(1))
            return [all, one]
        }
        for (party, result) in results.enumerated() {
            let all = try #require(result[0])
            #expect(zip(all.doubles, [5, -9, -20]).allSatisfy { abs($0 - $1) < 1e-3 })
            #expect((result[1] != nil) == (party == 1))
        }
        #expect(results[1][1]?.doubles == [0, 0, 9.5])
    }

    @Test("a public tensor is read by one party and known to all; embeddings are gathered by it")
    func publicInput() async throws {
        let results = try await withLocalParties(2) { session -> Tensor? in
            let table = try await session.input(from: .party(1)) {
                Tensor((0..<20).map(Double.init), shape: [10, 2])
            }
            let (ids, _) = try await session.publicInput(from: .party(0)) { Tensor([3, 0, 9] as [Int64], shape: [3]) }
            return try await session.reveal(table.gather(ids, axis: 0), to: .all)
        }
        for result in results { #expect(result?.doubles == [6, 7, 0, 1, 18, 19]) }
    }

    @Test("a public tensor that is read at two scales is right at both")
    func publicAtTwoScales() async throws {
        let results = try await withLocalParties(2) { session -> Tensor? in
            let x = try await session.input(from: .party(1)) { Tensor([1.5, -2, 3], shape: [3]) }
            let (p, _) = try await session.publicInput(from: .party(0)) { Tensor([2, 0.3, -1], shape: [3]) }
            return try await session.reveal(x * p + p, to: .all)
        }
        for result in results {
            let values = try #require(result).doubles
            let errors = zip(values, [5, -0.3, -4] as [Double]).map { (got: Double, want: Double) -> Double in
                abs(got - want)
            }
            #expect(errors.allSatisfy { $0 < 1e-3 })
        }
    }

    @Test("many comparisons of one kept value are one gate with many results")
    func manyThresholds() async throws {
        let results = try await withLocalParties(2) { session -> [Tensor]? in
            let x = try await session.input(from: .party(0)) { Tensor([0.5, 7.5, 15.5], shape: [3]) }
            let held = try await session.hold([x])[0]
            let bits = try await session.evaluate((0..<20).map { held .< Double($0) })
            return try await session.reveal(bits, to: .all)
        }
        for (threshold, bits) in try #require(results[1]).enumerated() {
            let want = [0.5, 7.5, 15.5].map { (value: Double) -> Double in value < Double(threshold) ? 1 : 0 }
            #expect(bits.doubles == want)
        }
    }

    @Test("a configuration that no session can have is an error at once", arguments: [(30, 256 << 20), (16, 1 << 16)])
    func configuration(fractionBits: Int, window: Int) async throws {
        var configuration = SessionConfiguration()
        configuration.fractionBits = fractionBits
        configuration.correctionWindow = window
        let impossible = configuration
        let error = await #expect(throws: CrypTenError.self) {
            _ = try await withLocalParties(2, configuration: impossible) { session in session.partyCount }
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("a released value is gone, once and for all, and the session goes on")
    func release() async throws {
        let results = try await withLocalParties(2) { session -> Tensor? in
            let x = try await session.input(from: .party(0)) { Tensor([1.5, -2], shape: [2]) }
            var state = try await session.evaluate([relu(x)])[0]
            for _ in 0..<3 {
                let next = try await session.evaluate([state * 2.0])[0]
                try await session.release([state])
                let again = await #expect(throws: CrypTenError.self) { try await session.release([state]) }
                #expect(again?.code == .invalidArgument)
                let read = await #expect(throws: CrypTenError.self) { try await session.reveal(state, to: .all) }
                #expect(read?.code == .sessionClosed)
                state = next
            }
            return try await session.reveal(state, to: .all)
        }
        for result in results { #expect(result?.doubles == [12, 0]) }
    }

    @Test("a small window of corrections is enough for a run of any size")
    func smallWindow() async throws {
        var configuration = SessionConfiguration()
        configuration.correctionWindow = 4 << 20
        let results = try await withLocalParties(2, configuration: configuration) { session -> Tensor? in
            let x = try await session.input(from: .party(0)) {
                Tensor((0..<300_000).map { (index: Int) -> Double in Double(index % 7) - 3 }, shape: [300_000])
            }
            return try await session.reveal(relu(x * x).sum(), to: .all)
        }
        var want = 0.0
        for index in 0..<300_000 { want += Double((index % 7 - 3) * (index % 7 - 3)) }
        for result in results {
            let error: Double = abs(try #require(result).doubles[0] - want)
            #expect(error < 5)
        }
    }

    @Test("what fixed point can't hold is an error that names the element", arguments: [Double.nan, .infinity, 1e12])
    func outOfRange(value: Double) async throws {
        await #expect {
            _ = try await withLocalParties(2) { session in
                let x = try await session.input(from: .party(0), name: "pixels") { Tensor([1, value], shape: [2]) }
                _ = try await session.reveal(x, to: .all)
            }
        } throws: { error in
            guard let error = error as? CrypTenError else { return false }
            return error.code == .outOfRange && error.message.contains("pixels, element 1")
        }
    }

    @Test(
        "what can't be put in fails at every party, with the owner's error there alone, and the session lives",
        arguments: [2, 3]
    )
    func refusedInputs(parties: Int) async throws {
        struct Quoting: Error {}
        let results = try await withLocalParties(parties) { session -> [Double] in
            func fails(_ owner: PartyID, _ code: CrypTenError.Code?, _ body: () async throws -> Void) async {
                do {
                    try await body()
                    Issue.record("nothing failed")
                } catch let error as CrypTenError {
                    if session.party == owner {
                        #expect(error.code == code && error.message.contains("pixels"))
                    } else {
                        #expect(error.code == .partyFailed)
                        #expect((error.cause as? CrypTenError)?.code == code ?? .partyFailed)
                        let sentence = "an input of its can't be used; its owner knows why"
                        #expect(error.message == "\(owner) refused this call: \(sentence)")
                    }
                } catch {
                    #expect(error is Quoting && code == nil && session.party == owner)
                }
            }
            let x = try await session.input(from: .party(0)) { Tensor([2.0], shape: [1]) }
            await fails(.party(0), .outOfRange) {
                _ = try await session.input(from: .party(0), name: "pixels") { Tensor([1, .nan], shape: [2]) }
            }
            await fails(.party(1), nil) {
                _ = try await session.input(from: .party(1), name: "pixels") { throw Quoting() }
            }
            await fails(.party(1), nil) { _ = try await session.publicInput(from: .party(1)) { throw Quoting() } }
            await fails(.party(0), nil) { _ = try await session.broadcast(from: .party(0)) { throw Quoting() } }
            let y = try await session.input(from: .party(1)) { Tensor([3.0], shape: [1]) }
            let known = try await session.publicInput(from: .party(0)) { Tensor([4.0], shape: [1]) }
            return try #require(try await session.reveal(x * y + known.expression, to: .all)).doubles
        }
        for result in results { #expect(abs(result[0] - 10) < 1e-3) }
    }

    @Test("the same expressions are run again without another plan, and tell whoever they are to tell")
    func again() async throws {
        let results = try await withLocalParties(2) { session -> [[Double]?] in
            let x = try await session.input(from: .party(0)) { Tensor([1.5, -2], shape: [2]) }
            let (p, _) = try await session.publicInput(from: .party(1)) { Tensor([2.0, 3], shape: [2]) }
            let held = try await session.evaluate([x + 1.0])[0]
            let y = held * p
            var results = [try await session.reveal(y, to: .all)]
            let plans = try await session.statistics.plans
            results.append(try await session.reveal(y, to: .all))
            results.append(try await session.reveal(held * p, to: .all))
            results.append(try await session.reveal([y, x], to: .all)?[0])
            results.append(try await session.reveal(y, to: .all))
            #expect(try await session.statistics.plans == plans + 1)
            results.append(try await session.reveal(y, to: .party(1)))
            #expect(try await session.statistics.plans == plans + 2)
            try await session.release([held])
            for _ in 0..<2 {
                let read = await #expect(throws: CrypTenError.self) { try await session.reveal(y, to: .party(1)) }
                #expect(read?.code == .sessionClosed)
            }
            return results.map { $0?.doubles }
        }
        for (party, result) in results.enumerated() {
            #expect(result == [[Double]?](repeating: [5, -3], count: 5) + [party == 1 ? [5, -3] : nil])
        }
    }

    @Test("an ill-formed expression throws its error before a byte moves")
    func illFormed() async throws {
        _ = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), shape: [2, 3]) {
                Tensor([Double](repeating: 1, count: 6), shape: [2, 3])
            }
            let broken = relu(x.matmul(x))
            let error = await #expect(throws: CrypTenError.self) { try await session.cost(of: broken) }
            #expect(error?.code == .shapeMismatch)
            #expect(error?.message.contains("[2, 3]") == true)
        }
    }

    @Test("random values are drawn once, stay what they are, and are uniform")
    func random() async throws {
        let results = try await withLocalParties(3) { session -> [Tensor?] in
            let kept = try await session.evaluate([
                try await session.uniform([10_000]), try await session.bernoulli(0.25, [10_000]).toReal(),
            ])
            let first = try await session.reveal(kept, to: .all)
            let second = try await session.reveal(kept, to: .all)
            #expect(first == second)
            return first.map { $0.map(Optional.some) } ?? []
        }
        let uniform = try #require(results[0][0]).doubles
        let bits = try #require(results[0][1]).doubles
        #expect(uniform.allSatisfy { (0..<1).contains($0) })
        // Six deviations: a false alarm once in 10^9.
        let means: [Double] = [uniform.reduce(0, +) / 10_000, bits.reduce(0, +) / 10_000]
        let offsets: [Double] = [abs(means[0] - 0.5), abs(means[1] - 0.25)]
        #expect(offsets[0] < 6 * 0.002887)
        #expect(offsets[1] < 6 * 0.00433)
        for other in results { #expect(other == results[0]) }
    }

    @Test("parties that run different programs get an error, not a wait")
    func diverged() async throws {
        let error = await #expect(throws: CrypTenError.self) {
            _ = try await withLocalParties(2) { session in
                let x = try await session.input(from: .party(0), shape: [4]) { Tensor([1, 2, 3, 4], shape: [4]) }
                _ = try await session.reveal(session.party == .party(0) ? x * 2.0 : x + x * x, to: .all)
            }
        }
        #expect(error?.code == .diverged)
    }

    @Test("a second call while one is under way is refused")
    func busy() async throws {
        _ = try await withLocalParties(2) { session in
            let (started, proceed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            async let first = session.input(from: session.party, shape: [1]) {
                started.signal()
                proceed.wait()
                return Tensor([1], shape: [1])
            }
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    started.wait()
                    continuation.resume()
                }
            }
            let error = await #expect(throws: CrypTenError.self) { try await session.cost(of: CrypTensor(1.0)) }
            #expect(error?.code == .sessionBusy)
            proceed.signal()
            _ = try await first
        }
    }
}
