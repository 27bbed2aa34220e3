extension TaskLocal where Value: Sendable {
    /// Runs a body with a value, and throws what it throws, of the same type.
    func binding<Result, Failure: Error>(
        _ value: Value,
        throwing body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome = withValue(
            value,
            operation: { () -> Swift.Result<Result, Failure> in
                do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
            }
        )
        return try outcome.get()
    }
}
