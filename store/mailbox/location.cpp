#include "store/mailbox/location.h"

#include <optional>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr std::size_t location_bytes_max = 4096;

Error bad(std::string_view text, std::string_view why) {
  std::string message = "mail_location \"";
  message.append(printable(text)).append("\": ").append(why);
  return Error::permanent(std::move(message));
}

// Whether a part of a user's name is safe in a path: it must not lead elsewhere.
bool is_safe(std::string_view value) {
  if (value.empty() || value.front() == '.') return false;
  for (char c : value) {
    if (c == '/' || is_control(c)) return false;
  }
  return true;
}

struct Expansion {
  std::string_view location;  // for errors
  const LocationUser& user;

  Result<std::string> variable(char letter) const {
    std::string_view name = user.name;
    auto at = name.rfind('@');
    switch (letter) {
      case 'u':
        return std::string(name);
      case 'n':
        return std::string(name.substr(0, at));
      case 'd':
        if (at == std::string_view::npos) return std::string();
        return lower(name.substr(at + 1));
      default:
        return bad(location,
                   std::string("no such variable %") + letter + "; there are %u %n %d %h");
    }
  }

  Result<std::string> path(std::string_view text) const {
    std::string out;
    if (text.starts_with('~') && (text.size() == 1 || text[1] == '/')) {
      if (user.home.empty()) return bad(location, "the user has no home directory for ~");
      out = user.home;
      text.remove_prefix(1);
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
        continue;
      }
      if (++i == text.size()) return bad(location, "it ends in a %");
      if (text[i] == '%') {
        out += '%';
        continue;
      }
      if (text[i] == 'h') {
        if (user.home.empty()) return bad(location, "the user has no home directory for %h");
        out += user.home;
        continue;
      }
      bool lower_case = text[i] == 'L';
      if (lower_case && ++i == text.size()) return bad(location, "it ends in a %L");
      TRY(auto value, variable(text[i]));
      if (!is_safe(value)) {
        return bad(location, "the user " + printable(user.name, 200) +
                                 " has no usable value for %" + text[i]);
      }
      out += lower_case ? lower(value) : value;
    }
    while (out.size() > 1 && out.back() == '/') out.pop_back();
    if (!out.starts_with('/')) return bad(location, "the path " + out + " is not absolute");
    return out;
  }
};

}  // namespace

Result<MailLocation> MailLocation::parse(std::string_view text, const LocationUser& user) {
  if (text.size() > location_bytes_max) return bad(text.substr(0, 100), "is too long");
  auto parts = split(text, ':');
  MailLocation location;
  if (parts[0] == "maildir") {
    location.format = Format::Maildir;
  } else if (parts[0] == "mbox") {
    location.format = Format::Mbox;
  } else {
    return bad(text, "must begin with maildir: or mbox:");
  }
  if (parts.size() < 2 || parts[1].empty()) return bad(text, "names no path");
  Expansion expansion{text, user};
  TRY(location.root, expansion.path(parts[1]));
  for (std::size_t i = 2; i < parts.size(); ++i) {
    auto equals = parts[i].find('=');
    auto name = parts[i].substr(0, equals);
    if (equals == std::string_view::npos || (name != "INBOX" && name != "INDEX")) {
      return bad(text, "after the path only INBOX=path and INDEX=path are known, not \"" +
                           printable(parts[i], 100) + "\"");
    }
    TRY(auto path, expansion.path(parts[i].substr(equals + 1)));
    (name == "INBOX" ? location.inbox : location.index) = std::move(path);
  }
  bool is_maildir = location.format == Format::Maildir;
  if (is_maildir && !location.inbox.empty() && location.inbox != location.root) {
    return bad(text, "a maildir's INBOX is the Maildir itself");
  }
  if (location.inbox.empty())
    location.inbox = is_maildir ? location.root : location.root + "/inbox";
  if (location.index.empty()) location.index = location.root;
  return location;
}

Result<void> MailLocation::check(std::string_view text) {
  LocationUser anybody;
  anybody.name = "user@example.org";
  anybody.home = "/home/user";
  TRY_DO(parse(text, anybody));
  return {};
}

}  // namespace pennypost::store
