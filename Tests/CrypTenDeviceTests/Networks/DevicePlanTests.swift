import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

@Suite("A device's time, predicted")
struct DevicePlanTests {
    /// A product of matrices of 64 rows and 128 columns by 128 rows and 64 columns, of which party 1 has the second.
    private static func counts(_ profile: DeviceProfile) throws -> DeviceCounts {
        var rehearsal = try Rehearsal(parties: 2, fractionBits: 16)
        let (x, w) = (
            rehearsal.input(from: .party(0), shape: [64, 128]), rehearsal.input(from: .party(1), shape: [128, 64])
        )
        return try rehearsal.counts(of: [x.matmul(w)], on: profile)
    }

    @Test("where launches alone take time, they are it")
    func launches() throws {
        let counts = try Self.counts(KnownDevice.profile(launch: 0.25))
        #expect(counts.launches > 4)
        #expect(counts.seconds == 0.25 * Double(counts.launches))
    }

    @Test("where memory alone takes time, bytes are it")
    func memory() throws {
        var profile = KnownDevice.profile()
        profile.bytesPerSecond = 1024
        let counts = try Self.counts(profile)
        let seconds = counts.kernels.values.reduce(0) { $0 + $1.seconds }
        #expect(abs(seconds - Double(counts.work.bytes) / 1024) < 1e-6 * seconds)
        let sums = try #require(counts.kernels[.ringProduct])
        // Each factor once, and the sum read and written, at each call.
        #expect(sums.work.bytes == sums.launches * 8 * (64 * 128 + 128 * 64 + 2 * 64 * 64))
    }

    @Test("where products alone take time, party 0's one of its own factor and the masked one is it")
    func products() throws {
        var profile = KnownDevice.profile()
        profile.kernels["ring_product"] = .init(perSecond: 524_288)
        let counts = try Self.counts(profile)
        // x^·y^ − λx·y^ = x·y^, for the other mask is party 1's alone: 64 · 128 · 64 multiplications.
        let products = try #require(counts.kernels[.ringProduct])
        #expect(products.launches == 1 && products.work.multiplications == 524_288)
        #expect(abs(counts.seconds - 1) < 1e-6)
    }

    @Test("where the bus alone takes time, what comes and goes is it: an input, and openings and a result")
    func bus() throws {
        var profile = KnownDevice.profile()
        (profile.uploadedBytesPerSecond, profile.downloadedBytesPerSecond) = (1024, 2048)
        let counts = try Self.counts(profile)
        let expected = Double(counts.uploadedBytes) / 1024 + Double(counts.downloadedBytes) / 2048
        #expect(counts.uploadedBytes >= 8 * 64 * 128 && counts.downloadedBytes >= 8 * 64 * 64)
        #expect(abs(counts.seconds - expected) < 1e-6)
    }

    @Test("a kernel that the profile lacks is named")
    func missing() throws {
        var profile = KnownDevice.profile()
        profile.kernels["ring_product"] = nil
        #expect(
            performing: { try Self.counts(profile) },
            throws: { error in
                let error = error as? CrypTenError
                return error?.code == .invalidArgument && error?.message.contains("ring_product") == true
            }
        )
    }

    @Test(
        "members wait for their devices: a run is as long as the longest, and rounds come to that",
        arguments: [2, 3]
    )
    func runs(parties: Int) throws {
        var rehearsal = try Rehearsal(parties: parties, fractionBits: 16)
        let x = rehearsal.input(from: .party(0), shape: [1 << 14])
        let run = try rehearsal.measure(
            keeping: [(tensor: relu(x), fractionBits: nil)],
            on: KnownDevice.profile(launch: 0.01)
        )
        let fast = run.prediction(on: .lan)
        let counts = try rehearsal.counts(of: [relu(x)], on: KnownDevice.profile(launch: 0.01))
        #expect(fast.seconds >= 0.5 * counts.seconds, "what nobody waits for may be left at the end")
        #expect(run.prediction(on: .wan).seconds > fast.seconds)
        let slow = try rehearsal.measure(
            keeping: [(tensor: relu(x), fractionBits: nil)],
            on: KnownDevice.profile(launch: 0.02)
        )
        #expect(slow.prediction(on: .lan).seconds > 1.5 * fast.seconds)
    }
}
