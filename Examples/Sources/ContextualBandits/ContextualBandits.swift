import ArgumentParser
import CrypTen
import ExampleSupport

/// Which offer to show to whom, learnt from visitors of one party and rewards of another.
@main
struct ContextualBandits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ContextualBandits",
        abstract: "Which offer to show to whom, learnt while showing them.",
        discussion: """
            Party 0 has a description of each visitor, party 1 what each offer would pay. One offer is chosen for each visitor, in secret: \
            mostly the one with the largest expected reward, by linear least squares for each offer, and sometimes one by lot. \
            Party 1 alone learns how much was paid so far, and at the end what was learnt.
            """
    )

    @Option(help: "How many parties there are; those after the first two only compute.")
    var parties = 2

    @Option(help: "How many visitors come.")
    var visitors = 200

    @Option(help: "How many offers there are.")
    var offers = 4

    @Option(help: "How many numbers describe a visitor.")
    var features = 8

    @Option(help: "Which part of the visitors get an offer by lot.")
    var exploration = 0.1

    @Option(help: "What visitors, rewards and lots follow from.")
    var seed: UInt64 = 11

    func validate() throws {
        guard parties >= 2, visitors >= 1, offers >= 2, features >= 1, (0...1).contains(exploration) else {
            throw ValidationError(
                "there are two parties or more, a visitor, two offers and a feature; exploration is 0 to 1"
            )
        }
    }

    func run() async throws {
        let visits = Visits(count: visitors, offers: offers, features: features, exploration: exploration, seed: seed)
        print(
            "party 0 has \(features) numbers of each of \(visitors) visitors, party 1 what each of \(offers) offers would pay"
        )

        let clear = try PlainBandit.course(of: visits)
        // An inverse has small entries, and each update reads the last one: 20 bits, with which products are right below 2²².
        var configuration = SessionConfiguration()
        configuration.fractionBits = 20
        let told = try await withLocalParties(parties, configuration: configuration) { session in
            let course = try await course(of: visits, on: session)
            return (course: course, spent: try await session.statistics)
        }
        guard let payer = told[1].course else { throw Failure("party 1 was told nothing") }

        let headings = ["visitors", "regret that party 1 learns", "in the clear", "by lot alone"]
        print(headings.map { "  " + $0 }.joined())
        for (mark, (paid, plain)) in zip(visits.marks, zip(payer.paid, clear.paid)) {
            let best = visits.largestRewards(of: mark)
            let cells = [
                "\(mark)", fixed(best - paid, 3), fixed(best - plain, 3), fixed(best - visits.meanRewards(of: mark), 3),
            ]
            print(row(cells, under: headings))
        }
        let distance = zip(payer.weights, clear.weights).map { abs($0 - $1) }.max() ?? .nan
        print("the learnt weights are within \(fixed(distance, 5)) of the clear ones")
        print(summary(of: told.map(\.spent)))
        try require(told[0].course == nil, "party 0 was told what is party 1's")
        try check(payer, against: clear, of: visits)
    }

    /// What party 1 learns: what was paid up to some visitors, and the weights of each offer, row by row.
    struct Course: Sendable {
        var paid: [Double] = []
        var weights: [Double] = []
    }

    /// Choices between parties; nil at those that aren't told.
    private func course(of visits: Visits, on session: Session) async throws -> Course? {
        let data = try await TensorDataset(
            try await session.input(from: .party(0), name: "visitors") { visits.contexts },
            try await session.input(from: .party(1), name: "rewards") { visits.rewards },
            on: session
        )
        var bandit = try await SecretBandit(offers: offers, features: features, on: session)
        var course = Course()
        for visitor in 0..<visitors {
            let visit = data[[visitor]]
            try await bandit.choose(for: visit[0], paying: visit[1], lot: visits.lots[visitor])
            if visits.marks.contains(visitor + 1) {
                guard let paid = try await session.reveal(bandit.paid, to: .party(1)) else { continue }
                course.paid.append(paid.doubles[0])
            }
        }
        guard let weights = try await session.reveal(bandit.weights, to: .party(1)) else { return nil }
        course.weights = weights.doubles
        return course
    }

    private func check(_ course: Course, against clear: Course, of visits: Visits) throws {
        // Two offers may be expected to pay nearly the same, and then a rounding chooses; what is learnt differs little by that.
        let paid = zip(course.paid, clear.paid).map { abs($0 - $1) }.max() ?? .nan
        try require(paid < 0.01 * Double(visitors), "\(paid) more or less was paid than in the clear")
        let distance = zip(course.weights, clear.weights).map { abs($0 - $1) }.max() ?? .nan
        try require(distance < 0.05, "what was learnt is \(distance) from the clear weights")
    }
}
