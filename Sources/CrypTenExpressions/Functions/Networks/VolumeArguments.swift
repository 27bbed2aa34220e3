/// One number for each of three axes, depth, rows and columns; a literal stands for all.
public struct IntOrTriple: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// The number for depth.
    public var depth: Int
    /// The number for rows.
    public var rows: Int
    /// The number for columns.
    public var columns: Int

    /// Numbers for depth, rows and columns.
    public init(_ depth: Int, _ rows: Int, _ columns: Int) {
        (self.depth, self.rows, self.columns) = (depth, rows, columns)
    }

    /// The same number everywhere.
    public init(_ all: Int) {
        self.init(all, all, all)
    }

    /// The same number everywhere.
    public init(integerLiteral value: Int) {
        self.init(value)
    }

    var list: [Int] { [depth, rows, columns] }
}
