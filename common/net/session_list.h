// Lists the sessions of a process whose clients have logged in, for `pennypost who`, and ends those
// that `pennypost kick` names.
//
// A session enters itself when its client has logged in and leaves when it ends. While nobody asks
// that costs one entry in a list.
//
// LIMITS  sessions_told_max a process, and a daemon; user names and addresses as long as a login's
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost {

/// How many sessions a process, and all of a daemon together, name; the others are left out.
inline constexpr std::size_t sessions_told_max = 50'000;

/// A session as it is told.
struct OpenSession {
  std::string service;  // imap, imaps, pop3, submission, …
  std::string user;     // the login
  std::string client;   // an IP address
  std::int64_t since = 0;
  bool is_encrypted = false;
  std::int64_t pid = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, user, client, since, is_encrypted, pid);
  }
};

/// Whom `who` and `kick` mean, as for doveadm: each word is a user (`*` and `?` stand for any text
/// and any character) or an address or network. Users and networks narrow each other down.
class SessionMasks {
 public:
  /// Error: a word looks like a network and is none.
  static Result<SessionMasks> parse(const std::vector<std::string>& words);
  bool has(const OpenSession& session) const;

 private:
  std::vector<std::string> users_;
  std::vector<Network> networks_;
};

/// Of one process.
class SessionList {
  struct Entry {
    OpenSession session;
    std::function<void()> end;
  };

 public:
  /// An entry, as long as this lives.
  class Stay {
   public:
    Stay() = default;
    /// `end` ends the session at once; it is called at most once.
    Stay(SessionList& list, OpenSession session, std::function<void()> end);
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;
    ~Stay() { leave(); }
    void enter(SessionList& list, OpenSession session, std::function<void()> end);
    void leave();

   private:
    SessionList* list_ = nullptr;
    std::list<Entry>::iterator entry_;
  };

  /// Those that the masks mean, in the order in which they began.
  std::vector<OpenSession> all(const SessionMasks& masks) const;
  /// Ends those; how many there were.
  std::uint64_t end(const SessionMasks& masks);
  std::size_t size() const { return entries_.size(); }

 private:
  std::list<Entry> entries_;
};

}  // namespace pennypost
