import CrypTenBase
import Foundation
import NIOConcurrencyHelpers

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Who reads a member's sockets: the engine's thread while it waits for a frame, a thread of the poller's otherwise.
///
/// So a frame that is waited for wakes one thread, the one that needs it, and peers can send, abort and show that they live
/// while the engine computes. Either thread polls the sockets and calls ``TCPConnection/read(byWaiter:)``, which one lock
/// makes safe; who has the duty decides about cost alone. While rounds follow one another the poller's thread looks every
/// `glance` whether the engine has waited since it looked last, and takes over if it hasn't; the engine tells it to let go
/// when it waits again. So the duty changes hands without a system call in each round.
///
/// A wait begins with looking again and again for some microseconds, if that has been of use lately: openings of
/// a few bytes between processes of one machine often are, and putting a thread to sleep and waking it takes as long.
///
/// The poller's thread also writes what is queued, makes handshakes with those who call, keeps time for heartbeats, and ends all
/// connections when one of them fails.
final class TCPPoller: FrameSource {
    /// What the poller's thread does about the members' sockets.
    private enum Duty {
        /// It reads them. Next: `.glancing`, when the engine waits.
        case watching
        /// The engine reads, or has just read, and the thread looks again soon.
        case glancing
        /// The engine has waited for a while, and will say when it waits no more. Next: `.glancing`.
        case asleep
    }

    private struct Target {
        let connection: TCPConnection
        let socket: any Carrier
    }

    private struct State {
        /// Connections whose handshake is done; the others are the poller's thread's alone.
        var members: [Target] = []
        var others: [Target] = []
        var duty = Duty.watching
        var isWaiting = false
        /// How often the engine has waited, and had when the thread last looked.
        var waits: UInt64 = 0
        var seenWaits: UInt64 = 0
        var isStopping = false
        /// Why all connections are to be ended, until the thread has done it.
        var ending: CrypTenError?
        /// The logarithm of how many waits sleep at once after one in which looking was of no use; and how many still do.
        var doubt = 0
        var waitsToSleep = 0

        /// Learns from a wait whether to look for a while in the next one, or to sleep at once.
        ///
        /// Where another thread needs the processor, the peer's perhaps, looking is in vain, and is soon done in one wait
        /// of 256 only.
        mutating func waited(lookedInVain: Bool?) {
            guard let lookedInVain else {
                waitsToSleep -= 1
                return
            }
            doubt = lookedInVain ? min(doubt + 1, 8) : max(doubt - 1, 0)
            waitsToSleep = lookedInVain ? 1 << doubt : 0
        }

        /// What the thread does until it looks again.
        mutating func look() -> Duty {
            if waits != seenWaits {
                duty = .glancing
            } else {
                duty = isWaiting ? .asleep : .watching
            }
            seenWaits = waits
            return duty
        }
    }

    /// How long the engine's sockets may be left alone: what the kernel buffers meanwhile keeps peers busy.
    private static let glance = Duration.milliseconds(2)

    /// How long the engine looks again and again before it sleeps: about what falling asleep and waking cost, at both ends.
    private static let alertness = Duration.microseconds(25)

    private let state = NIOLockedValueBox(State())
    private let hasStopped = Monitor(true)
    /// Wakes the poller's thread, and the one that waits for a frame.
    private let bell: Bell
    private let waitersBell: Bell

    /// - Throws: ``CrypTenError`` `.invalidArgument` if the system has no descriptors left.
    init() throws {
        bell = try Bell()
        waitersBell = try Bell()
    }

    /// Starts the thread; ``stop()`` ends it.
    func start() {
        hasStopped.withLock { $0 = false }
        Thread.detachNewThread {
            Thread.current.name = "crypten-poller"
            self.run()
            self.hasStopped.withLock { $0 = true }
            self.hasStopped.wake()
        }
    }

    /// Closes all connections, and ends the thread. Blocks.
    func stop() {
        let targets = state.withLockedValue { state in
            state.isStopping = true
            return state.members + state.others
        }
        for target in targets { target.connection.hangUp() }
        bell.ring()
        _ = hasStopped.wait(until: .after(.seconds(10))) { $0 ? () : nil }
    }

    /// Takes a connection that begins; false when the poller takes none any more.
    func add(_ connection: TCPConnection, _ socket: any Carrier) -> Bool {
        let isAdded = state.withLockedValue { state in
            if !state.isStopping { state.others.append(Target(connection: connection, socket: socket)) }
            return !state.isStopping
        }
        bell.ring()
        return isAdded
    }

    /// A connection's handshake is done: the engine waits for it too.
    func admit(_ connection: TCPConnection) {
        state.withLockedValue { state in
            guard let index = state.others.firstIndex(where: { $0.connection === connection }) else { return }
            state.members.append(state.others.remove(at: index))
        }
    }

    /// Forgets a connection.
    func remove(_ connection: TCPConnection) {
        state.withLockedValue { state in
            state.members.removeAll { $0.connection === connection }
            state.others.removeAll { $0.connection === connection }
        }
        bell.ring()
    }

    /// Lets the poller's thread end all connections: the caller may hold the lock of one of them.
    func endAll(_ error: CrypTenError) {
        state.withLockedValue { $0.ending = $0.ending ?? error }
        bell.ring()
    }

    /// Lets the poller's thread look again: something is to be written, or may be read.
    func wake() {
        bell.ring()
    }

    // MARK: The waiting thread

    func read(for limit: Duration) {
        let (members, mustTell, isAlert) = state.withLockedValue { state in
            state.waits += 1
            state.isWaiting = true
            let mustTell = state.duty == .watching
            state.duty = .glancing
            return (state.members, mustTell, state.waitsToSleep == 0)
        }
        let start = ContinuousClock.now
        if mustTell { bell.ring() }
        var lookedInVain: Bool?
        withPolls(members.count + 1) { polls in
            polls[0] = pollfd(fd: waitersBell.descriptor, events: Int16(POLLIN), revents: 0)
            for (index, member) in members.enumerated() {
                polls[index + 1] = pollfd(fd: member.socket.descriptor, events: Int16(POLLIN), revents: 0)
            }
            var hasNews = false
            if isAlert {
                repeat {
                    hasNews = TCPPoller.poll(polls, for: .zero)
                } while !hasNews && ContinuousClock.now - start < min(limit, TCPPoller.alertness)
                lookedInVain = !hasNews
            }
            guard hasNews || TCPPoller.poll(polls, for: limit) else { return }
            if polls[0].revents != 0 { waitersBell.silence() }
            for (index, member) in members.enumerated() where polls[index + 1].revents != 0 {
                member.connection.read(byWaiter: true)
            }
        }
        let wasAsleep = state.withLockedValue { state in
            state.isWaiting = false
            state.waited(lookedInVain: lookedInVain)
            defer { state.duty = .glancing }
            return state.duty == .asleep
        }
        if wasAsleep { bell.ring() }
    }

    func interrupt() {
        waitersBell.ring()
    }

    // MARK: The poller's thread

    private func run() {
        while true {
            let work = state.withLockedValue { state -> ([Target], Int, Duty, CrypTenError?)? in
                defer { state.ending = nil }
                if state.isStopping { return nil }
                return (state.members + state.others, state.members.count, state.look(), state.ending)
            }
            guard let (targets, memberCount, duty, ending) = work else { return }
            if let ending {
                for target in targets { target.connection.end(ending) }
            }
            let now = ContinuousClock.now
            var limit = duty == .glancing ? TCPPoller.glance : .seconds(60)
            for target in targets {
                target.connection.drain()
                limit = min(limit, target.connection.tick(at: now) - now)
            }
            withPolls(targets.count + 1) { polls in
                polls[0] = pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)
                for (index, target) in targets.enumerated() {
                    let isOurs = index >= memberCount || duty == .watching
                    let reads = isOurs && target.connection.isReading ? Int16(POLLIN) : 0
                    let writes = target.connection.isBlocked ? Int16(POLLOUT) : 0
                    // Without events a descriptor would still tell that the peer has hung up, again and again.
                    let descriptor = reads | writes == 0 ? -1 : target.socket.descriptor
                    polls[index + 1] = pollfd(fd: descriptor, events: reads | writes, revents: 0)
                }
                guard TCPPoller.poll(polls, for: limit) else { return }
                if polls[0].revents != 0 { bell.silence() }
                let watches = state.withLockedValue { $0.duty == .watching }
                for (index, target) in targets.enumerated() {
                    let poll = polls[index + 1]
                    guard poll.revents & ~Int16(POLLOUT) != 0, poll.events & Int16(POLLIN) != 0 else { continue }
                    if watches || index >= memberCount { target.connection.read(byWaiter: false) }
                }
            }
        }
    }

    private func withPolls(_ count: Int, _ body: (UnsafeMutableBufferPointer<pollfd>) -> Void) {
        withUnsafeTemporaryAllocation(of: pollfd.self, capacity: count) { polls in
            polls.initialize(repeating: pollfd())
            body(polls)
        }
    }

    /// Waits for the first event; false when there is none in time.
    private static func poll(_ polls: UnsafeMutableBufferPointer<pollfd>, for limit: Duration) -> Bool {
        let (seconds, attoseconds) = min(max(limit, .zero), .seconds(3600)).components
        let milliseconds = CInt(seconds * 1000) + CInt((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        #if canImport(Darwin)
        return Darwin.poll(polls.baseAddress, nfds_t(polls.count), milliseconds) > 0
        #elseif canImport(Glibc)
        return Glibc.poll(polls.baseAddress!, nfds_t(polls.count), milliseconds) > 0
        #else
        return Musl.poll(polls.baseAddress!, nfds_t(polls.count), milliseconds) > 0
        #endif
    }
}

/// A descriptor that becomes readable when another thread rings.
private final class Bell: Sendable {
    /// What to poll.
    let descriptor: CInt
    private let other: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CrypTenError(.invalidArgument, "the system has no descriptors left: allow more open files")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (descriptor, other) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(other)
    }

    /// Makes the descriptor readable; if it was rung very often, it is already.
    func ring() {
        var byte: UInt8 = 1
        _ = write(other, &byte, 1)
    }

    /// Takes back all that was rung.
    func silence() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { space in
            while read(descriptor, space.baseAddress, space.count) == space.count {}
        }
    }
}
