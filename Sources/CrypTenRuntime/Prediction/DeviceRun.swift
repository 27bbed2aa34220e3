import CrypTenBase
package import CrypTenDevice
package import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import CrypTenTransport
import Foundation

/// A plan run in this process, without a session and without a device, on a queue that counts what a device would be asked for.
///
/// Every member's engine takes the way that it takes in a session whose members all compute on such a device, at the second of several runs:
/// kept values lie on the device. Tensors have no memory there, so a walk takes what the host does: what lies on it, frames, and putting
/// kernels together. That is real, and timed; the device's time is a profile's.
struct DeviceRun: Sendable {
    let prepared: PreparedPlan
    let profile: DeviceProfile
    let correctionWindow: Int
    /// Bytes that either party has stored, where the parties have made the correlations before; nil: there is a dealer.
    let storedBytes: Int?

    /// One member's walk, and what a device was asked for in it.
    private func dryRun(_ host: @escaping @Sendable () -> Double) -> (DryRun, CountingQueue) {
        let queue = CountingQueue(profile, host: host)
        let run = DryRun(
            prepared: prepared,
            kernels: DeviceKernels(queue: queue, settings: .usual(for: queue)),
            correctionWindow: correctionWindow,
            storedBytes: storedBytes,
            clock: TraceClock(now: { queue.now }, isMeasured: false)
        )
        return (run, queue)
    }

    /// What party 0 asks its device for in a run.
    ///
    /// - Parameter host: Seconds that the host has worked since some moment.
    /// - Throws: `.invalidArgument` where the profile lacks a kernel.
    func counts(_ host: @escaping @Sendable () -> Double) throws -> DeviceCounts {
        let (run, queue) = dryRun(host)
        _ = try run.run(party: 0, PlanTraffic(prepared)) { queue.restart() }
        return queue.counts
    }

    /// How long each member takes for each part of a run: the parties' traces, then the dealer's, of which there is nothing where there is none.
    ///
    /// - Parameters:
    ///   - host: Seconds that the host has worked since some moment.
    ///   - progress: Told the share that is done, 0 to 1.
    func traces(
        _ host: @escaping @Sendable () -> Double,
        _ progress: @Sendable (Double) -> Void
    ) throws -> [MemberTrace] {
        let dealer = prepared.plan.parties
        let traffic = PlanTraffic(prepared)
        let (run, _) = dryRun(host)
        // The first run warms up, as a session's first does: programs of logic are put together. It tells which credit the dealer gets.
        let credits = try run.run(party: dealer - 1, traffic).credits
        return try (0...dealer).map { member in
            progress(Double(member + 1) / Double(dealer + 2))
            guard member == dealer else { return try run.run(party: member, traffic).trace }
            return storedBytes == nil ? try run.runDealer(credits: credits) : MemberTrace()
        }
    }
}

/// Seconds since it was asked for: of this machine, which does the host's work.
private func hostSeconds() -> @Sendable () -> Double {
    let start = ContinuousClock.now
    return { (ContinuousClock.now - start).seconds }
}

extension Rehearsal {
    /// What a run would ask party 0's device for, and how long the device would take for it.
    ///
    /// - Parameter profile: The device's; it needn't be on this machine.
    /// - Throws: `.invalidArgument` where the profile says nothing of a kernel that the run needs.
    /// - Complexity: what the host does in such a run; memory as what lies on it.
    package func counts(of run: RehearsedRun, on profile: DeviceProfile) throws -> DeviceCounts {
        try deviceRun(run, profile).counts(hostSeconds())
    }

    /// How long a run takes apart from the network, where every member has such a device; on one machine, where all share it.
    package func measure(
        _ run: RehearsedRun,
        on profile: DeviceProfile,
        machines: Machines = .oneEach,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> MeasuredRun {
        try MeasuredRun(deviceRun(run, profile), hostSeconds(), machines: machines, progress: progress)
    }

    /// The same of evaluating expressions and keeping their values.
    package func measure(
        keeping expressions: [(tensor: CrypTensor, fractionBits: Int?)],
        on profile: DeviceProfile,
        machines: Machines = .oneEach,
        progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) throws -> MeasuredRun {
        let plan = try planned(expressions.map { ($0.tensor.node, .keep(fractionBits: $0.fractionBits)) })
        return try measure(try rehearsed(plan), on: profile, machines: machines, progress: progress)
    }

    /// What revealing expressions would ask party 0's device for.
    package func counts(
        of expressions: [CrypTensor],
        revealingTo recipients: Recipients = .all,
        on profile: DeviceProfile
    ) throws -> DeviceCounts {
        let plan = try planned(expressions.map { ($0.node, .reveal(to: recipients.party)) })
        return try counts(of: try rehearsed(plan), on: profile)
    }

    private func deviceRun(_ run: RehearsedRun, _ profile: DeviceProfile) -> DeviceRun {
        DeviceRun(
            prepared: run.plan,
            profile: profile,
            correctionWindow: SessionConfiguration().correctionWindow,
            storedBytes: run.offline?.storedBytes
        )
    }
}
