// One connection to a directory: binds, searches, and follows what entries name.
//
// STANDARDS  RFC 4511 (the protocol), RFC 4516 (URLs)
// SEE ALSO   ldap_server.cpp (which attributes count)
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/maps/ldap_library.h"
#include "store/maps/ldap_settings.h"
#include "store/maps/server_table.h"

namespace pennypost::store {

inline constexpr std::size_t ldap_searches_max = 1000;  // of one look-up

class LdapConnection final : public ServerConnection {
 public:
  LdapConnection(const Ldap& library, const LdapSettings& settings, std::chrono::seconds patience)
      : library_(library), settings_(settings), patience_(patience) {}
  LdapConnection(const LdapConnection&) = delete;
  LdapConnection& operator=(const LdapConnection&) = delete;
  ~LdapConnection() override {
    if (handle_ != nullptr) library_.unbind_ext(handle_, nullptr, nullptr);
  }

  Result<void> open(const std::string& url);
  Result<void> ask(const std::string& key, FoundValues& found) override;

 private:
  /// What a search gave; empty where it ended otherwise than well.
  struct Message {
    explicit Message(const Ldap& from) : library(from) {}
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    ~Message() {
      if (message != nullptr) library.msgfree(message);
    }
    const Ldap& library;
    LDAPMessage* message = nullptr;
  };
  struct Values {
    Values(const Ldap& from, berval** of) : library(from), values(of) {}
    Values(const Values&) = delete;
    Values& operator=(const Values&) = delete;
    ~Values() {
      if (values != nullptr) library.value_free_len(values);
    }
    bool empty() const { return values == nullptr || values[0] == nullptr; }
    const Ldap& library;
    berval** values;
  };
  struct Search {
    std::string base;
    int scope = LDAP_SCOPE_BASE;
    std::string filter;
    std::vector<std::string> attributes;
  };
  /// What an entry's values count as.
  struct EntryKind {
    bool is_terminal = false;
    bool is_leaf = true;
  };

  template <class Value>
  bool set(int option, const Value& value) {
    return library_.set_option(handle_, option, &value) == LDAP_OPT_SUCCESS;
  }
  Result<void> set_options();
  Result<void> set_tls_options();
  Result<void> bind();
  int wait_for(int request, Message& answer, int all);
  int run(const Search& search, Message& answer);
  Result<void> collect(Message& answer, std::uint64_t depth, FoundValues& found);
  Result<void> collect_entry(LDAPMessage* entry, std::uint64_t depth, FoundValues& found);
  Result<void> collect_attribute(LDAPMessage* entry, const char* name, EntryKind kind,
                                 std::uint64_t depth, FoundValues& found);
  Result<void> follow(std::string_view value, std::uint64_t depth, FoundValues& found);
  Result<std::optional<Search>> search_of(const std::string& value);
  bool has_any(LDAPMessage* entry, std::size_t first, std::size_t end);
  std::size_t index_of(std::string_view attribute) const;
  Error failed(const std::string& step, int code, State state = State::Failed);

  const Ldap& library_;
  const LdapSettings& settings_;
  std::chrono::seconds patience_;
  LDAP* handle_ = nullptr;
  std::string url_;
  std::size_t searches_ = 0;
  std::chrono::steady_clock::time_point until_{};
};

}  // namespace pennypost::store
