import ArgumentParser
import CrypTen
import CrypTenService
import Foundation

/// `--from-environment` in the place of the flags that say the same: a scheduler has started one process for each member, all with one command
/// line, and what each of them is follows from its rank.
enum SchedulerFlags {
    private static let commands = ["party", "dealer", "train"]
    /// Options that the rank answers.
    private static let answered = ["--id", "--parties", "--listen", "--as", "--local"]

    /// The arguments with what the scheduler says.
    ///
    /// - Throws: `ValidationError` for flags that the rank answers, or where it isn't clear who the dealer is; what is wrong with the variables.
    static func expand(_ arguments: [String], environment: [String: String]) throws -> [String] {
        guard let command = arguments.first, commands.contains(command),
            arguments.allSatisfy({ !["--help", "-h"].contains($0) })
        else { return arguments }
        let early = try EarlyOptions(
            ["--dealer-rank", "--base-port"],
            flags: ["--from-environment"],
            of: arguments.dropFirst()
        )
        var (given, rest) = (early.given, early.rest)
        guard given.removeValue(forKey: "--from-environment") != nil else {
            if let option = given.keys.sorted().first {
                throw ValidationError("\(option) goes with --from-environment")
            }
            return arguments
        }
        let options = Set(rest.map { String($0.prefix { $0 != "=" }) })
        if let option = answered.first(where: options.contains) {
            throw ValidationError("\(option) is what the rank says: leave it out, or leave out --from-environment")
        }
        let rank = try SchedulerRank(environment: environment)
        let job = Job(rank, dealer: try dealer(given["--dealer-rank"], command, rank))
        guard job.parties >= 2 else {
            throw ValidationError(
                "\(rank.scheduler.rawValue) has started \(rank.size) process\(rank.size == 1 ? "" : "es"), and that is \(job.parties) of "
                    + "the 2 parties or more that a session has\(job.dealer == nil ? "" : ", beside the dealer")"
            )
        }
        let words = MemberArguments(words: rest)
        if job.isDealer {
            rest = command == "dealer" ? rest : words.takenByDealer()
        } else if command == "party" {
            rest = words.taken(byParty: job.party, of: job.parties)
        }
        rest = MemberArguments(words: rest).withoutOwnName(job.isDealer ? "dealer" : "\(job.party)")
        let member = job.isDealer ? "dealer" : command
        let once = job.isDealer ? ["--once"] : []
        if options.contains("--cluster") {
            if let base = given["--base-port"] {
                throw ValidationError("--base-port \(base): the cluster file says where members listen; leave it out")
            }
            return try [member] + ["--as", job.name(in: cluster(words.words))] + rest + once
        }
        let base = try port(given["--base-port"], rank)
        return try [member] + job.flags(from: base, beside: options) + rest + once
    }

    /// Which rank is the dealer; nil: none.
    private static func dealer(_ text: String?, _ command: String, _ rank: SchedulerRank) throws -> Int? {
        guard let text else { return command == "dealer" ? rank.rank : nil }
        guard let dealer = text == "last" ? rank.size - 1 : Int(text), (0..<rank.size).contains(dealer) else {
            throw ValidationError(
                "--dealer-rank \(text): there are ranks 0 to \(rank.size - 1); `last` is the last one"
            )
        }
        guard command != "dealer" || dealer == rank.rank else {
            throw ValidationError("--dealer-rank \(text): this is rank \(rank.rank), and `crypten dealer` makes it one")
        }
        return dealer
    }

    /// The port of rank 0.
    private static func port(_ text: String?, _ rank: SchedulerRank) throws -> Int {
        let base: Int
        if let text {
            guard let port = Int(text), port >= 1 else { throw ValidationError("--base-port \(text): choose a port") }
            base = port
        } else if let port = rank.masterPort {
            // The port itself may be its owner's, as torchrun's store listens there.
            base = port + 1
        } else if let job = rank.job {
            // Below the ports that systems give away by themselves, and apart for jobs that share a machine, mostly.
            let number = job.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
            base = 16_384 + Int(number % 250) * 64
        } else {
            throw ValidationError(
                "the environment has no MASTER_PORT and no job's number: say with --base-port where ranks listen"
            )
        }
        guard base + rank.size - 1 <= 65_535 else {
            throw ValidationError("ports from \(base) are too few for \(rank.size) ranks: choose another --base-port")
        }
        return base
    }

    private static func cluster(_ words: [String]) throws -> ClusterFile {
        guard let index = words.firstIndex(where: { $0 == "--cluster" || $0.hasPrefix("--cluster=") }) else {
            preconditionFailure("asked for where it is given")
        }
        let word = words[index]
        let value = word == "--cluster" ? words.dropFirst(index + 1).first : String(word.dropFirst("--cluster=".count))
        guard let value else { throw ValidationError("--cluster wants a value") }
        return try ClusterFile(contentsOf: URL(fileURLWithPath: value))
    }
}

/// What this rank is among the members.
private struct Job {
    let rank: SchedulerRank
    /// Which rank is the dealer; nil where it runs elsewhere.
    let dealer: Int?

    init(_ rank: SchedulerRank, dealer: Int?) {
        (self.rank, self.dealer) = (rank, dealer)
    }

    var isDealer: Bool { rank.rank == dealer }
    var parties: Int { rank.size - (dealer == nil ? 0 : 1) }
    /// Which party this rank is: they are counted in the order of ranks, without the dealer.
    var party: Int { rank.rank - (dealer.map { $0 < rank.rank } == true ? 1 : 0) }

    /// What the cluster file calls this rank.
    func name(in cluster: ClusterFile) throws -> String {
        guard parties == cluster.members.count else {
            throw ValidationError(
                "\(rank.scheduler.rawValue) has started \(parties) parties\(dealer == nil ? "" : " and a dealer"), and the cluster file has "
                    + "\(cluster.members.count): --dealer-rank says which rank is none"
            )
        }
        guard isDealer else { return cluster.members[party].name }
        guard let dealer = cluster.dealers.first else {
            throw ValidationError("the cluster file has no dealer (dealers: none): leave out --dealer-rank")
        }
        return dealer.name
    }

    /// Who this member is and where the others are.
    func flags(from base: Int, beside options: Set<String>) throws -> [String] {
        guard let hosts = rank.hosts else {
            throw ValidationError(
                "\(rank.scheduler.rawValue) has started ranks on several hosts, and doesn't say on which each is: name the members' "
                    + "addresses in a cluster file, and give --cluster FILE"
            )
        }
        let isHere = Set(hosts).count == 1
        func address(_ other: Int) -> String {
            // A name of one's own may be the loopback's, as in Debian's /etc/hosts, where nobody else comes.
            "\(other == rank.rank && !isHere ? "0.0.0.0" : hosts[other]):\(base + other)"
        }
        if isDealer { return ["--listen", address(rank.rank), "--parties", "\(parties)"] }
        let others = (0..<rank.size).filter { $0 != dealer }.map(address)
        var flags = ["--id", "\(party)", "--parties", others.joined(separator: ",")]
        if let dealer {
            guard !options.contains("--dealer") else {
                throw ValidationError("--dealer and --dealer-rank both say who the dealer is: leave one of them out")
            }
            flags += ["--dealer", address(dealer)]
        } else if !options.contains("--dealer") {
            throw ValidationError(
                "nothing says who the dealer is: give --dealer-rank last where the last rank is, or --dealer HOST:PORT; "
                    + "or --dealer none, and two parties make the correlations themselves"
            )
        }
        if !options.contains("--session") {
            guard let job = rank.job else {
                throw ValidationError("the environment has no job's number: give --session NAME, the same for all")
            }
            flags += ["--session", job]
        }
        return flags
    }
}
