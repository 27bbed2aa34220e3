import ArgumentParser
import CrypTen

@main
struct LinearSVM: AsyncParsableCommand {
    func run() async throws {
        let answers = try await withLocalParties(2) { session -> Tensor? in
            let x = try await session.input(from: .party(0)) { Tensor([1, 2.5], shape: [2]) }
            return try await session.reveal(relu(x), to: .all)
        }
        print(answers[0]?.doubles ?? [])
    }
}
