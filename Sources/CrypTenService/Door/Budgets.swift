import CrypTenBase
import CrypTenSharing
import NIOPosix

/// Takes rows of clients' budgets before their requests are taken in: those that come together with one write to the disk.
actor Budgets {
    private struct Asked {
        var taking: BudgetStore.Taking
        var continuation: CheckedContinuation<BudgetStore.Result, any Error>
    }

    private let store: BudgetStore
    private var asked: [Asked] = []
    private var isWriting = false

    init(_ store: BudgetStore) {
        self.store = store
    }

    /// - Throws: ``DoorRefusal`` `.budget` where not so many are left; what the store throws where nothing can be written, as then nothing is granted.
    func take(_ rows: Int, of client: String, model: String, limit: Int) async throws {
        let taking = BudgetStore.Taking(client: client, model: model, rows: rows, limit: limit)
        let result = try await withCheckedThrowingContinuation { continuation in
            asked.append(Asked(taking: taking, continuation: continuation))
            if !isWriting {
                isWriting = true
                Task { await write() }
            }
        }
        guard case .granted = result else {
            throw DoorRefusal(
                .budget,
                "client \(client) has used up its \(limit) rows of model \(model) of this UTC day"
            )
        }
    }

    private func write() async {
        while !asked.isEmpty {
            let batch = asked
            asked = []
            do {
                let results = try await NIOThreadPool.singleton.runIfActive { [store] in
                    try store.take(batch.map(\.taking))
                }
                for (one, result) in zip(batch, results) { one.continuation.resume(returning: result) }
            } catch {
                for one in batch { one.continuation.resume(throwing: error) }
            }
        }
        isWriting = false
    }
}
