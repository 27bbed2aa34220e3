/// A run in virtual time: what the members' traces come to on given machines, joined by a given network.
///
/// Every member has an engine, which follows its trace, and a thread that seals and writes long frames and reads what
/// comes; reading is the engine's own work while it waits, which takes as long. Threads share a machine's processors evenly. A frame leaves when those before it on its link have left and the
/// link has carried it, and is there half a round trip later.
///
/// - Complexity: a few steps for every frame, each as long as there are members.
package struct Timeline {
    /// Where the members are.
    package struct Setting: Sendable, Hashable {
        package var network: NetworkProfile
        package var costs: FrameCosts
        /// Processors of a machine.
        package var cores: Int
        /// Processors that an engine keeps busy while it computes.
        package var processors: Double
        /// Whether all members share one machine.
        package var isShared: Bool
        /// Whether frames go through a relay on that machine, which works for every byte once more.
        package var isRelayed: Bool

        package init(
            network: NetworkProfile,
            costs: FrameCosts,
            cores: Int,
            processors: Double = 1,
            isShared: Bool = false,
            isRelayed: Bool = false
        ) {
            self.network = network
            self.costs = costs
            self.cores = cores
            self.processors = processors
            self.isShared = isShared
            self.isRelayed = isRelayed
        }
    }

    /// What comes out.
    package struct Outcome: Sendable, Hashable {
        /// Until the last party has finished.
        package var seconds: Double
        /// The same, by the step on which the last party was at work or for which it waited.
        package var secondsByStep: [Int: Double]
        /// The same, along the chain of work and messages that decides it.
        package var parts: Prediction.Parts
    }

    /// Frames up to this size are written by the engine itself.
    private static let directLimit = 64 << 10
    /// An engine waits while more bytes than these are on their way to a peer: the transport's queue.
    private static let queueLimit = 64 << 20

    enum Status {
        case computing
        /// For the next frame of a member.
        case waiting(from: Int)
        /// For room on the link to a member.
        case full(to: Int)
        case done
    }

    struct Engine {
        var status = Status.computing
        var next = 0
        var remaining = 0.0
        var unitStart = 0.0
        var secondsByStep: [Int: Double] = [:]
        /// Waits that have ended, and for which frame.
        var waits: [(end: Double, frame: Int)] = []
        var finish = 0.0

        var isComputing: Bool {
            if case .computing = status { return true }
            return false
        }

        var isDone: Bool {
            if case .done = status { return true }
            return false
        }
    }

    struct Frame {
        var from: Int
        var to: Int
        var bytes: Int
        /// When the engine sent it, when it came to the link, when it has left, and when it was delivered.
        var sent: Double
        var entered = 0.0
        var left = 0.0
        var delivered = 0.0
    }

    /// A thread that handles frames one after another.
    private struct Handler {
        enum Job {
            case write(Int)
            case relay(Int)
            case read(Int)
        }

        var jobs: [Job] = []
        var first = 0
        var remaining = 0.0

        var isBusy: Bool { first < jobs.count }
    }

    private struct Link {
        /// When it has carried all that has come to it.
        var free = 0.0
        /// Frames that wait to be written, and bytes sent that haven't arrived.
        var unwritten = 0
        var outstanding = 0
        /// Frames that are there, in order, and how many of them were taken.
        var delivered: [Int] = []
        var taken = 0
    }

    let traces: [MemberTrace]
    let setting: Setting
    private var time = 0.0
    var engines: [Engine]
    /// Each member's, and the relay's.
    private var handlers: [Handler]
    private var links: [Link]
    var frames: [Frame] = []
    private var arrivals = EventQueue()

    /// Plays traces.
    ///
    /// - Parameter traces: The parties', then the dealer's.
    /// - Precondition: the traces are of one run: every frame that is waited for is sent.
    package static func play(_ traces: [MemberTrace], _ setting: Setting) -> Outcome {
        var timeline = Timeline(traces, setting)
        timeline.run()
        return timeline.outcome
    }

    private init(_ traces: [MemberTrace], _ setting: Setting) {
        self.traces = traces
        self.setting = setting
        engines = traces.map { _ in Engine() }
        handlers = Array(repeating: Handler(), count: traces.count + 1)
        links = Array(repeating: Link(), count: traces.count * traces.count)
    }

    // MARK: Time

    private mutating func run() {
        for member in engines.indices { begin(member) }
        while engines.dropLast().contains(where: { !$0.isDone }) {
            var busy = [Double](repeating: 0, count: setting.isShared ? 1 : traces.count)
            for member in engines.indices where engines[member].isComputing {
                busy[machine(of: member)] += min(setting.processors, Double(setting.cores))
            }
            for handler in handlers.indices where handlers[handler].isBusy { busy[machine(of: handler)] += 1 }
            let cores = Double(setting.cores)
            let speeds = busy.map { min(1, cores / max($0, 1)) }
            var step = arrivals.nextTime - time
            for member in engines.indices where engines[member].isComputing {
                step = min(step, engines[member].remaining / speeds[machine(of: member)])
            }
            for handler in handlers.indices where handlers[handler].isBusy {
                step = min(step, handlers[handler].remaining / speeds[machine(of: handler)])
            }
            precondition(step.isFinite, "every frame that is waited for is sent")
            step = max(step, 0)
            time += step
            advance(step, speeds)
        }
    }

    private mutating func advance(_ step: Double, _ speeds: [Double]) {
        // What is this close to its end has ended: sums of seconds are not exact.
        let tolerance = 1e-12
        var ended: [Int] = []
        var handled: [Int] = []
        for member in engines.indices where engines[member].isComputing {
            engines[member].remaining -= step * speeds[machine(of: member)]
            if engines[member].remaining <= tolerance { ended.append(member) }
        }
        for handler in handlers.indices where handlers[handler].isBusy {
            handlers[handler].remaining -= step * speeds[machine(of: handler)]
            if handlers[handler].remaining <= tolerance { handled.append(handler) }
        }
        while arrivals.nextTime <= time + tolerance { arrive(arrivals.removeFirst()) }
        for handler in handled { finishJob(handler) }
        for member in ended { act(member) }
    }

    private func machine(of member: Int) -> Int {
        setting.isShared ? 0 : min(member, traces.count - 1)
    }

    // MARK: Engines

    /// Begins with the member's next event, or ends.
    private mutating func begin(_ member: Int) {
        let engine = engines[member]
        guard engine.next < traces[member].events.count else {
            engines[member].status = .done
            engines[member].finish = time
            return
        }
        let event = traces[member].events[engine.next]
        engines[member].status = .computing
        engines[member].remaining = event.seconds
        if case .send(_, let bytes) = event.action, bytes <= Timeline.directLimit {
            engines[member].remaining += work(bytes)
        }
    }

    /// Does what follows the computing that has ended.
    private mutating func act(_ member: Int) {
        switch traces[member].events[engines[member].next].action {
        case .finish(let step):
            engines[member].secondsByStep[step, default: 0] += time - engines[member].unitStart
            engines[member].unitStart = time
        case .receive(let sender):
            let link = sender * traces.count + member
            guard links[link].taken < links[link].delivered.count else {
                engines[member].status = .waiting(from: sender)
                return
            }
            links[link].taken += 1
        case .send(let receiver, let bytes):
            let link = member * traces.count + receiver
            guard links[link].outstanding <= Timeline.queueLimit else {
                engines[member].status = .full(to: receiver)
                return
            }
            send(from: member, to: receiver, bytes)
        }
        engines[member].next += 1
        begin(member)
    }

    // MARK: Frames

    private func work(_ bytes: Int) -> Double {
        setting.costs.secondsPerFrame + setting.costs.secondsPerByte * Double(bytes)
    }

    private mutating func send(from sender: Int, to receiver: Int, _ bytes: Int) {
        let link = sender * traces.count + receiver
        frames.append(Frame(from: sender, to: receiver, bytes: bytes, sent: time))
        links[link].outstanding += bytes
        let frame = frames.count - 1
        if bytes <= Timeline.directLimit, links[link].unwritten == 0 {
            passOn(frame)
        } else {
            links[link].unwritten += 1
            give(.write(frame), to: sender)
        }
    }

    /// A frame is written: to the relay, or to the link.
    private mutating func passOn(_ frame: Int) {
        if setting.isRelayed { give(.relay(frame), to: handlers.count - 1) } else { enter(frame) }
    }

    private mutating func enter(_ index: Int) {
        let frame = frames[index]
        let link = frame.from * traces.count + frame.to
        links[link].free = max(links[link].free, time) + setting.network.seconds(forBytes: frame.bytes)
        frames[index].entered = time
        frames[index].left = links[link].free
        // Without a processor's work a frame wakes its receiver; through a relay, that one and the relay twice.
        let wakes = setting.isRelayed ? 3.0 : 1.0
        arrivals.add(index, at: links[link].free + setting.network.roundTrip / 2 + wakes * setting.costs.latency)
    }

    private mutating func arrive(_ index: Int) {
        let frame = frames[index]
        let link = frame.from * traces.count + frame.to
        links[link].outstanding -= frame.bytes
        if case .full(frame.to) = engines[frame.from].status, links[link].outstanding <= Timeline.queueLimit {
            engines[frame.from].status = .computing
            engines[frame.from].remaining = 0
        }
        give(.read(index), to: frame.to)
    }

    private mutating func deliver(_ index: Int) {
        let frame = frames[index]
        let link = frame.from * traces.count + frame.to
        frames[index].delivered = time
        links[link].delivered.append(index)
        guard case .waiting(frame.from) = engines[frame.to].status else { return }
        links[link].taken += 1
        engines[frame.to].waits.append((time, index))
        engines[frame.to].next += 1
        begin(frame.to)
    }

    // MARK: Handlers

    private mutating func give(_ job: Handler.Job, to handler: Int) {
        let isFree = !handlers[handler].isBusy
        handlers[handler].jobs.append(job)
        if isFree { startJob(handler) }
    }

    private mutating func startJob(_ handler: Int) {
        switch handlers[handler].jobs[handlers[handler].first] {
        case .write(let frame), .read(let frame): handlers[handler].remaining = work(frames[frame].bytes)
        // It reads and writes, and makes no tags.
        case .relay(let frame): handlers[handler].remaining = 1.5 * work(frames[frame].bytes)
        }
    }

    private mutating func finishJob(_ handler: Int) {
        let job = handlers[handler].jobs[handlers[handler].first]
        handlers[handler].first += 1
        if handlers[handler].isBusy { startJob(handler) }
        switch job {
        case .write(let frame):
            links[frames[frame].from * traces.count + frames[frame].to].unwritten -= 1
            passOn(frame)
        case .relay(let frame): enter(frame)
        case .read(let frame): deliver(frame)
        }
    }

    // MARK: The outcome

    private var outcome: Outcome {
        let parties = engines.dropLast()
        guard let last = parties.indices.max(by: { parties[$0].finish < parties[$1].finish }) else {
            return Outcome(seconds: 0, secondsByStep: [:], parts: Prediction.Parts())
        }
        return Outcome(
            seconds: engines[last].finish,
            secondsByStep: engines[last].secondsByStep,
            parts: parts(endingAt: last)
        )
    }
}
