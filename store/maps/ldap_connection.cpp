#include "store/maps/ldap_connection.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Error LdapConnection::failed(const std::string& step, int code, State state) {
  state_ = state;
  std::string text = url_ + ": " + step + ": " + library_.err2string(code);
  // What the server or TLS says of it, where they do.
  char* more = nullptr;
  if (handle_ != nullptr) library_.get_option(handle_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
  if (more != nullptr && *more != '\0') text += " (" + printable(more, 200) + ")";
  if (more != nullptr) library_.memfree(more);
  return Error::temporary(text);
}

Result<void> LdapConnection::open(const std::string& url) {
  url_ = url;
  int code = library_.initialize(&handle_, url.c_str());
  if (code != LDAP_SUCCESS) return failed("server_host", code);
  TRY_DO(set_options());
  TRY_DO(set_tls_options());
  if (settings_.starts_tls) {
    code = library_.start_tls(handle_, nullptr, nullptr);
    if (code != LDAP_SUCCESS) return failed("STARTTLS", code);
  }
  return settings_.bind == LdapSettings::Bind::None ? Result<void>() : bind();
}

Result<void> LdapConnection::set_options() {
  // The library's own LDAP_OPT_ON is a variable in it, and this is not linked with it.
  static const int on = 1;
  timeval patience{patience_.count(), 0};
  bool are_set =
      set(LDAP_OPT_NETWORK_TIMEOUT, patience) && set(LDAP_OPT_TIMEOUT, patience) &&
      set(LDAP_OPT_PROTOCOL_VERSION, settings_.version) &&
      set(LDAP_OPT_DEREF, settings_.dereference) && set(LDAP_OPT_SIZELIMIT, settings_.size_limit) &&
      library_.set_option(handle_, LDAP_OPT_REFERRALS,
                          settings_.chases_referrals ? &on : LDAP_OPT_OFF) == LDAP_OPT_SUCCESS;
  return are_set ? Result<void>() : failed("settings", LDAP_PARAM_ERROR);
}

Result<void> LdapConnection::set_tls_options() {
  if (!settings_.starts_tls && !starts_with_nocase(url_, "ldaps:")) return {};
  for (const auto& [option, text] : settings_.tls_texts) {
    if (library_.set_option(handle_, option, text.c_str()) != LDAP_OPT_SUCCESS) {
      return failed("TLS: " + text, LDAP_PARAM_ERROR);
    }
  }
  int required = settings_.requires_certificate ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
  int is_server = 0;
  if (!set(LDAP_OPT_X_TLS_REQUIRE_CERT, required) || !set(LDAP_OPT_X_TLS_NEWCTX, is_server)) {
    return failed("TLS", LDAP_PARAM_ERROR);
  }
  return {};
}

Result<void> LdapConnection::bind() {
  bool is_external = settings_.bind == LdapSettings::Bind::External;
  std::string_view secret =
      is_external ? std::string_view(settings_.authorization) : settings_.bind_password.reveal();
  berval credentials{secret.size(), const_cast<char*>(secret.data())};
  int request = 0;
  int code = library_.sasl_bind(handle_, is_external ? "" : settings_.bind_dn.c_str(),
                                is_external ? "EXTERNAL" : LDAP_SASL_SIMPLE, &credentials, nullptr,
                                nullptr, &request);
  if (code == LDAP_SUCCESS) {
    Message answer(library_);
    code = wait_for(request, answer, LDAP_MSG_ALL);
  }
  if (code != LDAP_SUCCESS) {
    return failed(is_external ? "bind with EXTERNAL" : "bind as " + settings_.bind_dn, code);
  }
  return {};
}

/// The result code of a request, waiting for it in this look-up's time.
int LdapConnection::wait_for(int request, Message& answer, int all) {
  timeval patience{patience_.count(), 0};
  int kind = library_.result(handle_, request, all, &patience, &answer.message);
  if (kind == 0) {
    library_.abandon_ext(handle_, request, nullptr, nullptr);
    return LDAP_TIMEOUT;
  }
  int code = LDAP_OTHER;
  if (kind < 0) {
    library_.get_option(handle_, LDAP_OPT_RESULT_CODE, &code);
    return code == LDAP_SUCCESS ? LDAP_OTHER : code;
  }
  int parsed =
      library_.parse_result(handle_, answer.message, &code, nullptr, nullptr, nullptr, nullptr, 0);
  return parsed == LDAP_SUCCESS ? code : parsed;
}

int LdapConnection::run(const Search& search, Message& answer) {
  std::vector<char*> attributes;
  for (const auto& name : search.attributes) attributes.push_back(const_cast<char*>(name.c_str()));
  attributes.push_back(nullptr);
  timeval patience{patience_.count(), 0};
  int request = 0;
  int code = library_.search_ext(handle_, search.base.c_str(), search.scope, search.filter.c_str(),
                                 attributes.data(), 0, nullptr, nullptr, &patience, -1, &request);
  return code == LDAP_SUCCESS ? wait_for(request, answer, LDAP_MSG_ALL) : code;
}

Result<void> LdapConnection::ask(const std::string& key, FoundValues& found) {
  until_ = Clock::now() + patience_;
  searches_ = 1;
  Search search;
  search.base = settings_.base->for_key(key, quoted_for_dn);
  search.filter = settings_.filter->for_key(key, quoted_for_filter);
  search.scope = settings_.scope;
  search.attributes = settings_.attributes;
  Message answer(library_);
  int code = run(search, answer);
  if (code == LDAP_SERVER_DOWN) return failed("search", code, State::Closed);
  // A base that is made of the key is absent with it.
  if (code == LDAP_NO_SUCH_OBJECT && !settings_.base->is_fixed()) return {};
  if (code != LDAP_SUCCESS) return failed("search below " + search.base, code);
  return collect(answer, 1, found);
}

Result<void> LdapConnection::collect(Message& answer, std::uint64_t depth, FoundValues& found) {
  std::int64_t entries = 0;
  for (auto* entry = library_.first_entry(handle_, answer.message); entry != nullptr;
       entry = library_.next_entry(handle_, entry)) {
    if (settings_.size_limit > 0 && ++entries > settings_.size_limit) {
      return Error::temporary(url_ + ": more entries than size_limit");
    }
    TRY_DO(collect_entry(entry, depth, found));
  }
  return {};
}

bool LdapConnection::has_any(LDAPMessage* entry, std::size_t first, std::size_t end) {
  for (std::size_t i = first; i < end; ++i) {
    Values values(library_,
                  library_.get_values_len(handle_, entry, settings_.attributes[i].c_str()));
    if (!values.empty()) return true;
  }
  return false;
}

Result<void> LdapConnection::collect_entry(LDAPMessage* entry, std::uint64_t depth,
                                           FoundValues& found) {
  EntryKind kind;
  kind.is_terminal = has_any(entry, 0, settings_.terminal);
  kind.is_leaf = kind.is_terminal || settings_.leaf == 0 ||
                 !has_any(entry, settings_.ordinary, settings_.attributes.size());
  BerElement* place = nullptr;
  Result<void> all;
  for (char* name = library_.first_attribute(handle_, entry, &place); name != nullptr;
       name = library_.next_attribute(handle_, entry, place)) {
    if (all) all = collect_attribute(entry, name, kind, depth, found);
    library_.memfree(name);
  }
  if (place != nullptr) library_.ber_free(place, 0);
  return all;
}

/// Which of our attributes it is, or a subtype of (RFC 4512 section 2.5: `mail;lang-de`); none of
/// them: their number.
std::size_t LdapConnection::index_of(std::string_view attribute) const {
  auto name = attribute.substr(0, attribute.find(';'));
  auto found = std::ranges::find_if(settings_.attributes, [&](const std::string& ours) {
    return equal_nocase(ours, attribute) || equal_nocase(ours, name);
  });
  return static_cast<std::size_t>(found - settings_.attributes.begin());
}

Result<void> LdapConnection::collect_attribute(LDAPMessage* entry, const char* name, EntryKind kind,
                                               std::uint64_t depth, FoundValues& found) {
  std::size_t index = index_of(name);
  if (index == settings_.attributes.size()) return {};
  bool is_special = index >= settings_.ordinary;
  if (kind.is_terminal && index >= settings_.terminal) return {};
  bool is_leaf_only = index >= settings_.terminal && index < settings_.terminal + settings_.leaf;
  if (!kind.is_leaf && is_leaf_only) return {};
  Values values(library_, library_.get_values_len(handle_, entry, name));
  for (berval** value = values.values; value != nullptr && *value != nullptr; ++value) {
    std::string_view text((*value)->bv_val, (*value)->bv_len);
    TRY_DO(is_special ? follow(text, depth, found) : found.add(text));
  }
  return {};
}

/// Adds the values of the entry or entries that a DN or a URL names.
Result<void> LdapConnection::follow(std::string_view value, std::uint64_t depth,
                                    FoundValues& found) {
  if (depth >= settings_.recursion_limit) {
    return Error::temporary(url_ + ": deeper than recursion_limit: " + printable(value, 100));
  }
  if (++searches_ > ldap_searches_max || Clock::now() > until_) {
    return Error::temporary(url_ + ": too many searches for one key, at " + printable(value, 100));
  }
  TRY(auto search, search_of(std::string(value)));
  if (!search) return {};
  Message answer(library_);
  int code = run(*search, answer);
  // An entry that has gone has no values.
  if (code == LDAP_NO_SUCH_OBJECT) return {};
  if (code != LDAP_SUCCESS) return failed("search of " + printable(value, 100), code);
  return collect(answer, depth + 1, found);
}

/// Nothing: a URL that asks for none of our attributes.
Result<std::optional<LdapConnection::Search>> LdapConnection::search_of(const std::string& value) {
  Search search;
  if (library_.is_ldap_url(value.c_str()) == 0) {
    search.base = value;
    search.filter = "(objectClass=*)";
    search.attributes = settings_.attributes;
    return std::optional(std::move(search));
  }
  LDAPURLDesc* url = nullptr;
  if (library_.url_parse(value.c_str(), &url) != 0) {
    return Error::temporary(url_ + ": malformed URL " + printable(value, 100));
  }
  search.base = url->lud_dn == nullptr ? "" : url->lud_dn;
  search.scope = url->lud_scope == LDAP_SCOPE_DEFAULT ? LDAP_SCOPE_BASE : url->lud_scope;
  search.filter = url->lud_filter == nullptr ? "(objectClass=*)" : url->lud_filter;
  for (char** name = url->lud_attrs; name != nullptr && *name != nullptr; ++name) {
    if (index_of(*name) < settings_.attributes.size()) search.attributes.emplace_back(*name);
  }
  if (url->lud_attrs == nullptr) search.attributes = settings_.attributes;
  library_.free_urldesc(url);
  return search.attributes.empty() ? std::optional<Search>() : std::optional(std::move(search));
}

}  // namespace pennypost::store
