extension ONNXModel.Dimension {
    /// What tools write for an extent that they don't know, wherever one stands.
    private static let placeholders: Set<String> = ["", "?", "*", "-1", "none", "null", "unk", "unknown"]

    /// Whether a file's name for an extent says that it is the same wherever the name stands.
    ///
    /// Not where it stands for an extent that isn't known: none at all, `?`, `None`, `-1`, `unknown`, and `unk__` with a number, which
    /// converters count up. Names such as `N`, `batch` or `dynamic_1` are promises.
    static func isPromise(_ name: String) -> Bool {
        let name = name.trimmingPrefix(while: \.isWhitespace).lowercased()
        if placeholders.contains(name) || name.allSatisfy({ $0 == "?" || $0.isWhitespace }) { return false }
        guard name.hasPrefix("unk__") else { return true }
        return !name.dropFirst(5).allSatisfy { $0.isASCII && $0.isNumber }
    }
}
