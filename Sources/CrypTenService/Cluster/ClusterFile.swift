import CrypTenBase
public import CrypTenDevice
public import CrypTenIdentity
public import CrypTenRuntime

/// What the members of a cell have agreed on, and what one of them alone needs to know: a cluster file, read and checked.
///
/// The file is YAML, and the same at all members but for `local`; `crypten cluster check` explains what is wrong with one. What all must agree
/// on is compared between the parties before any data (``agreed``): the cell's name, encoding, parties, models, clients and what they may ask for.
/// What may change at one member before the others is not: addresses, fingerprints, revocations, limits.
public struct ClusterFile: Sendable {
    /// A party.
    public struct Member: Sendable, Hashable {
        public var name: String
        public var party: Int
        /// Where the other members call it.
        public var address: String
        /// Where clients call it; nil where there are none.
        public var door: String?
        /// By what others know it.
        public var identity: Set<Fingerprint>
        /// The name in its certificate, where an authority vouches for it.
        public var certificateName: String?
        /// Files of the authorities that may.
        public var authorities: [String]
    }

    /// A dealer: one is in use, the first in the file that can be reached.
    public struct Dealer: Sendable, Hashable {
        public var name: String
        public var address: String
        public var identity: Set<Fingerprint>
        public var certificateName: String?
        public var authorities: [String]
    }

    /// An input of a model, as clients may give it.
    public struct Input: Sendable, Hashable {
        public var name: String
        /// Permitted shapes; nil stands for the rows.
        public var shapes: [[Int?]]
        /// What every number is clamped to.
        public var range: ClosedRange<Double>
        /// What shorter inputs are filled up with.
        public var pad: Double
    }

    public struct Model: Sendable, Hashable {
        public var name: String
        /// The member that has the file.
        public var owner: String
        public var inputs: [Input]
        /// How long a request waits for others to share its run.
        public var window: Duration
        /// Into how many rows requests are put together, ascending.
        public var sizes: [Int]
        /// How many runs of each size are kept prepared.
        public var prepared: [Int: Int]
        /// Constants that all parties may see, and such as must stay secret against the rule.
        public var open: [String]
        public var secret: [String]
        /// What all parties see of ensembles of trees: `features`, `shapes` or `counts`, as `ONNXModel.TreeVisibility` has them.
        public var trees = "features"
    }

    /// What a client may ask of a model.
    public struct Allowance: Sendable, Hashable {
        /// nil: all.
        public var outputs: [String]?
        /// nil: as many as it likes.
        public var rowsPerDay: Int?

        package init(outputs: [String]?, rowsPerDay: Int?) {
            (self.outputs, self.rowsPerDay) = (outputs, rowsPerDay)
        }
    }

    public struct Client: Sendable, Hashable {
        public var name: String
        /// Certificates that it shows.
        public var certificates: Set<Fingerprint>
        /// Public keys, PEM, that its tokens are signed with.
        public var keys: [String]
        public var models: [String: Allowance]

        package init(name: String, certificates: Set<Fingerprint>, keys: [String], models: [String: Allowance]) {
            (self.name, self.certificates, self.keys, self.models) = (name, certificates, keys, models)
        }
    }

    public struct Limits: Sendable, Hashable {
        /// Requests that may wait at a party.
        public var requests = 1024
        public var requestBytes = 16 << 20
        public var connections = 20_000
        /// How long a request may take to arrive, and wait for the other parties' parts and for its run.
        public var arrival = Duration.seconds(10)
        public var waiting = Duration.seconds(30)
        /// The most that a process may fill.
        public var memory: Int?

        package init() {}
    }

    /// What one member alone reads.
    public struct Local: Sendable, Hashable {
        /// Files of its identities: the first that is valid is shown.
        public var identity: [String] = []
        /// Where it listens for members, for clients, and for whoever watches it on its own machine.
        public var listen: String?
        public var door: String?
        public var status: String?
        /// By which further names whoever watches it asks there.
        public var statusHosts: [String] = []
        /// A folder of its own, for what must outlast it.
        public var state: String?
        /// Files of the models that it owns.
        public var models: [String: String] = [:]
        public var threads: Int?
        /// What it computes on.
        public var device: DeviceChoice?
    }

    public var cell: String
    public var fractionBits: Int
    /// In slabs of how many elements gates work, as in `SessionConfiguration`.
    public var slabBits: Int
    /// Levels of the trees that transfers are extended by, as in `SessionConfiguration`; of no meaning where there are dealers.
    public var transferTreeHeight: Int
    /// In the order of their numbers.
    public var members: [Member]
    /// None where the two parties make the correlations themselves.
    public var dealers: [Dealer]
    public var models: [Model]
    public var clients: [Client]
    public var origins: [String]
    public var revoked: Set<Fingerprint>
    public var limits: Limits
    public var local: [String: Local]

    /// Who makes the cell's correlations.
    public var correlations: CorrelationProvider {
        dealers.isEmpty ? .parties : .dealer
    }

    /// What part a member has.
    public enum Part: Sendable, Hashable {
        case party(Int)
        case dealer(Int)
    }

    /// Who is called `name`.
    ///
    /// - Throws: `.invalidArgument` naming those that there are.
    public func part(of name: String) throws -> Part {
        if let member = members.first(where: { $0.name == name }) { return .party(member.party) }
        if let index = dealers.firstIndex(where: { $0.name == name }) { return .dealer(index) }
        let names = (members.map(\.name) + dealers.map(\.name)).joined(separator: ", ")
        throw CrypTenError(.invalidArgument, "the cluster file names no '\(name)'; it has \(names)")
    }
}
