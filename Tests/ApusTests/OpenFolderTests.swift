import Glibc
import TestSupport
import Testing

@testable import Apus

/// Files beneath a folder, opened with and without the kernel's help in telling where links lead.
@Suite struct OpenFolderTests {
    @Test func nothingOutsideIsOpened() throws {
        let outer = try TemporaryFolder()
        let folder = try TemporaryFolder()
        try writeText("secret", to: outer.file("secret"))
        try writeText("fine", to: folder.file("a"))
        symlink(outer.file("secret"), folder.file("out"))
        symlink(outer.path, folder.file("outer"))
        symlink("a", folder.file("in"))
        symlink(".", folder.file("here"))
        let open = try OpenFolder(folder.path)
        let paths = ["a", "in", "here/a", "out", "outer", "outer/secret", "none", "a/b", "a/"]
        let components = paths.map { path in
            path.split(separator: "/", omittingEmptySubsequences: false).map { Array($0.utf8) }
        }
        let beneath = components.map { (try? open.open($0, followsLinks: false)) != nil }
        #expect(beneath == [true, true, true, false, false, false, false, false, false])
        let stepwise = components.map { (try? open.openWithoutLinks($0)) != nil }
        #expect(stepwise == [true, false, false, false, false, false, false, false, false])
        let anywhere = components.map { (try? open.open($0, followsLinks: true)) != nil }
        #expect(anywhere == [true, true, true, true, true, true, false, false, false])
        #expect(Set(open.names) == Set(["a", "in", "out", "outer", "here"].map { Array($0.utf8) }))
    }

    @Test func theFolderItselfIsBeneathItself() throws {
        let folder = try TemporaryFolder()
        let open = try OpenFolder(folder.path)
        for item in [try open.open([], followsLinks: false), try open.openWithoutLinks([])] {
            #expect(item.state == open.state)
        }
        #expect(throws: OpenFile.Failure.missing) { try OpenFolder(folder.file("none")) }
        try writeText("", to: folder.file("file"))
        #expect(throws: OpenFile.Failure.missing) { try OpenFolder(folder.file("file")) }
    }
}
