public import Apus

extension Middleware {
    /// Lets users with a name and a password through (RFC 7617), others get 401. Handlers know who it is by
    /// `request.userName`. Browsers show `realm` where they ask for the password.
    ///
    /// Names and passwords travel as they are: use TLS. A comparison with `==` tells by its time how much of a password
    /// is right; see `basicAuth(realm:users:)`.
    public static func basicAuth(
        realm: String, verify: @escaping @MainActor (_ user: String, _ password: String) throws -> Bool
    ) -> Middleware {
        Authorization.check(realm: realm)
        return Middleware(before: { request in
            guard let (user, password) = basic(request), try verify(user, password) else {
                throw Authorization.refusal("Basic", realm: realm, ", charset=\"UTF-8\"")
            }
            request[UserName.self] = user
            return nil
        })
    }

    /// The same, where looking for the user takes time.
    public static func basicAuth(
        realm: String, verify: @escaping @MainActor (_ user: String, _ password: String) async throws -> Bool
    ) -> Middleware {
        Authorization.check(realm: realm)
        return Middleware { request, next in
            guard let (user, password) = basic(request), try await verify(user, password) else {
                throw Authorization.refusal("Basic", realm: realm, ", charset=\"UTF-8\"")
            }
            request[UserName.self] = user
            return await next(request)
        }
    }

    /// The same, with a password for each of a few users. How long it takes tells neither whether there is a user nor
    /// how much of a password is right.
    public static func basicAuth(realm: String, users: [String: String]) -> Middleware {
        let table = UserTable(users)
        return basicAuth(realm: realm) { table.contains($0, $1) }
    }

    /// Lets requests with a token through (RFC 6750), others get 401. `verify` returns the name of the user whose token
    /// it is, which is `request.userName` then, and nil for one that is not valid.
    ///
    /// Tokens travel as they are: use TLS. Look them up by a hash, so that the time of a comparison tells nothing.
    public static func bearerAuth(
        realm: String, verify: @escaping @MainActor (_ token: String) throws -> String?
    ) -> Middleware {
        Authorization.check(realm: realm)
        return Middleware(before: { request in
            let token = try bearer(request, realm)
            guard let user = try verify(token) else { throw invalidToken(realm) }
            request[UserName.self] = user
            return nil
        })
    }

    /// The same, where looking for the token takes time.
    public static func bearerAuth(
        realm: String, verify: @escaping @MainActor (_ token: String) async throws -> String?
    ) -> Middleware {
        Authorization.check(realm: realm)
        return Middleware { request, next in
            let token = try bearer(request, realm)
            guard let user = try await verify(token) else { throw invalidToken(realm) }
            request[UserName.self] = user
            return await next(request)
        }
    }

    private static func basic(_ request: HTTPRequest) -> (user: String, password: String)? {
        Authorization.credentials(of: request, scheme: "basic").flatMap { Authorization.basic($0) }
    }

    private static func bearer(_ request: HTTPRequest, _ realm: String) throws(HTTPError) -> String {
        guard let token = Authorization.credentials(of: request, scheme: "bearer") else {
            throw Authorization.refusal("Bearer", realm: realm)
        }
        guard Authorization.isToken(token) else { throw invalidToken(realm) }
        return token
    }

    /// RFC 6750 §3.1.
    private static func invalidToken(_ realm: String) -> HTTPError {
        Authorization.refusal("Bearer", realm: realm, ", error=\"invalid_token\"")
    }
}

private enum UserName: StorageKey {
    typealias Value = String
}

extension HTTPRequest {
    /// Who sent it, once `Middleware.basicAuth` or `bearerAuth` has found out; nil without.
    public var userName: String? { self[UserName.self] }
}
