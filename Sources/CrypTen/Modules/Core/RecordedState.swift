import Synchronization

/// Runs a body, and tells which buffers a module has after it.
///
/// A layer is a value, and calling it doesn't change it: batch normalisation in training reads its running statistics and makes new
/// ones, which are recorded here.
///
/// ```swift
/// let (loss, buffers) = withRecordedState(of: model) { crossEntropy(model(x), labels) }
/// model.buffers = buffers  // expressions: evaluate them with the new parameters
/// ```
///
/// A layer that is called twice updates its statistics twice, one after the other. Bodies nest; the innermost one records.
///
/// - Parameters:
///   - model: The module whose buffers are asked for; the body calls it, or a copy of it.
///   - body: What makes expressions.
/// - Returns: What the body returns, and the module's buffers, of which those that the body's calls changed are new expressions.
public func withRecordedState<Result, Failure: Error>(
    of model: some Module,
    _ body: () throws(Failure) -> Result
) throws(Failure) -> (result: Result, buffers: ParameterTree) {
    let recorder = ModuleStateRecorder()
    let outcome = ModuleStateRecorder.$current.withValue(recorder) { () -> Swift.Result<Result, Failure> in
        do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }
    let result = try outcome.get()
    return (result, model.buffers.mapTensors { recorder.newest(of: $0.tensor) })
}

/// The new values of buffers, by the nodes of the old ones.
package final class ModuleStateRecorder: Sendable {
    /// Where the layers that are called record, if anywhere.
    @TaskLocal package static var current: ModuleStateRecorder?

    /// The old nodes are held, so that no other node takes their identity.
    private let entries = Mutex<[ObjectIdentifier: (old: Node, new: CrypTensor)]>([:])

    package init() {}

    /// What a buffer is by now.
    package func newest(of buffer: CrypTensor) -> CrypTensor {
        entries.withLock { $0[ObjectIdentifier(buffer.node)]?.new } ?? buffer
    }

    /// A buffer's new value, which takes the last one's place.
    package func record(_ new: CrypTensor, for buffer: CrypTensor) {
        entries.withLock { $0[ObjectIdentifier(buffer.node)] = (buffer.node, new) }
    }
}
