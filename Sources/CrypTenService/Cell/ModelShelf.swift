package import CrypTenSharing
import NIOConcurrencyHelpers

/// What a party serves, as the door sees it: replaced by the session, read by every request.
package final class ModelShelf: Sendable {
    package struct Entry: Sendable {
        package var version: String
        package var inputs: [ModelMetadata.Input]
        package var outputs: [ModelMetadata.Output]
        package var mostRows: Int
        /// Rows that a request may have; nil: any up to the most.
        package var sizes: [Int]?

        package init(
            version: String,
            inputs: [ModelMetadata.Input],
            outputs: [ModelMetadata.Output],
            mostRows: Int,
            sizes: [Int]?
        ) {
            (self.version, self.inputs, self.outputs) = (version, inputs, outputs)
            (self.mostRows, self.sizes) = (mostRows, sizes)
        }

        init(_ model: ServedModel) {
            (version, inputs, outputs) = (model.version, model.inputs, model.outputs)
            mostRows = model.mostRows
            sizes = model.isBatched ? nil : model.settings.sizes
        }
    }

    private struct State {
        /// By name; the version that is served to new requests first.
        var models: [String: [Entry]] = [:]
        var epoch: Epoch?
    }

    private let state = NIOLockedValueBox(State())

    /// What is served now; without an epoch there is no session.
    func replace(_ models: [String: [Entry]], epoch: Epoch?) {
        state.withLockedValue { $0 = State(models: models, epoch: epoch) }
    }

    /// There is no session; what was served is remembered, so that a client can be told to wait.
    func suspend() {
        state.withLockedValue { $0.epoch = nil }
    }

    /// The epoch; nil while there is no session.
    package var epoch: Epoch? { state.withLockedValue { $0.epoch } }

    /// Versions of a model, the first for new requests; nil for a model that isn't served.
    package func versions(of model: String) -> [Entry]? {
        state.withLockedValue { $0.models[model] }
    }
}
