import Foundation
import NIOConcurrencyHelpers

/// The files of the models that this member owns, and which of them have changed since they were loaded.
final class OwnModels: Sendable {
    private struct State {
        var files: [String: URL]
        var changed: Set<String> = []
    }

    private let state: NIOLockedValueBox<State>

    init(_ files: [String: String]) {
        state = NIOLockedValueBox(State(files: files.mapValues { URL(fileURLWithPath: $0) }))
    }

    func file(of model: String) -> URL? {
        state.withLockedValue { $0.files[model] }
    }

    /// Models that are to be loaded anew, in a fixed order.
    var changed: [String] {
        state.withLockedValue { $0.changed.sorted() }
    }

    /// Takes over other files; all of them are loaded anew.
    func replace(_ files: [String: String]) {
        state.withLockedValue { state in
            state.files = files.mapValues { URL(fileURLWithPath: $0) }
            state.changed = Set(files.keys)
        }
    }

    /// A model is loaded anew.
    func loaded(_ model: String) {
        state.withLockedValue { _ = $0.changed.remove(model) }
    }
}
