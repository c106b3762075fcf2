#include "store/mailbox/location.h"

#include <array>
#include <optional>

#include "common/base/text.h"
#include "store/mailbox/user_path.h"

namespace pennypost::store {
namespace {

constexpr std::size_t location_bytes_max = 4096;

constexpr std::string_view own_setting = "mail_location";

Error bad(std::string_view text, std::string_view why, std::string_view setting = own_setting) {
  std::string message(setting);
  message.append(" \"").append(printable(text)).append("\": ").append(why);
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
  std::string_view setting = own_setting;

  Error bad(std::string_view text, std::string_view why) const {
    return store::bad(text, why, setting);
  }

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

// What Dovecot has and this does not, and what to do about it.
struct Unsupported {
  std::string_view name;
  std::string_view remedy;
};
constexpr std::array unsupported{
    Unsupported{"ALT", "move the messages that lie there into the folders' cur/"},
    Unsupported{"BROKENCHAR", "rename folders whose names are not valid modified UTF-7"},
    Unsupported{"DIRNAME", "move each folder's messages out of that directory"},
    Unsupported{"INDEXPVT", "flags are the same for all users"},
    Unsupported{"MAILBOXDIR", "move the folders into the directory itself"},
    Unsupported{"SUBSCRIPTIONS", "rename that file to subscriptions"},
    Unsupported{"UTF-8", "rename the folders to their names in modified UTF-7"},
};

// Whether the item is one that changes nothing here.
bool is_idle(std::string_view item) {
  return item == "INDEX=MEMORY" || item.starts_with("VOLATILEDIR=") ||
         item.starts_with("INDEXCACHE=") || item.starts_with("ITERINDEX");
}

Result<MailLocation::Layout> layout_of(std::string_view text, std::string_view layout,
                                       bool is_maildir) {
  if (is_maildir && equal_nocase(layout, "maildir++")) return MailLocation::Layout::MaildirPlusPlus;
  if (equal_nocase(layout, "fs")) return MailLocation::Layout::Fs;
  return bad(text, "LAYOUT=" + printable(layout, 100) + " is unknown; " +
                       (is_maildir ? "a Maildir's is maildir++ or fs" : "that of mboxes is fs"));
}

// Text that expansion leaves as it is.
std::string escaped(const std::string& path) {
  std::string out;
  for (char c : path) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

Result<char> escape_of(std::string_view text, std::string_view value) {
  bool is_fit = value.size() == 1 && value[0] > ' ' && value[0] < '\x7f' && !is_alnum(value[0]) &&
                std::string_view("./~%:&").find(value[0]) == std::string_view::npos;
  if (is_fit) return value[0];
  return bad(text,
             "LISTESCAPE= needs one character such as \\, no letter, digit or one of . / ~ % : &");
}

Error unknown_item(std::string_view text, std::string_view item) {
  for (const auto& [name, remedy] : unsupported) {
    if (item.substr(0, item.find('=')) == name) {
      return bad(text, std::string(name) + "= is not supported: " + std::string(remedy));
    }
  }
  return bad(
      text,
      "after the path only INBOX=path, INDEX=path, CONTROL=path, LAYOUT= and LISTESCAPE= are "
      "known, not \"" +
          printable(item, 100) + "\"");
}

}  // namespace

Result<std::string> expand_user_path(std::string_view setting, std::string_view text,
                                     const LocationUser& user) {
  return Expansion{text, user, setting}.path(text);
}

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
  bool is_maildir = location.format == Format::Maildir;
  Expansion expansion{text, user, own_setting};
  TRY(location.root, expansion.path(parts[1]));
  for (std::size_t i = 2; i < parts.size(); ++i) {
    if (is_idle(parts[i])) continue;
    auto equals = parts[i].find('=');
    auto name = parts[i].substr(0, equals);
    auto value = equals == parts[i].npos ? std::string_view() : parts[i].substr(equals + 1);
    if (name == "LAYOUT") {
      TRY(location.layout, layout_of(text, value, is_maildir));
    } else if (name == "LISTESCAPE" && is_maildir) {
      TRY(location.escape, escape_of(text, value));
    } else if (parts[i] == "NO-NOSELECT" && is_maildir) {
      location.drops_parents = true;
    } else if (parts[i] == "NO-NOSELECT") {
      return bad(text, "NO-NOSELECT is known for Maildirs only; leave it out");
    } else if (name == "CONTROL" && !is_maildir) {
      return bad(text, "CONTROL= is known for Maildirs only; leave it out");
    } else if (name == "INBOX" || name == "INDEX" || name == "CONTROL") {
      TRY(auto path, expansion.path(value));
      auto& place = name == "INBOX"   ? location.inbox
                    : name == "INDEX" ? location.index
                                      : location.control;
      place = std::move(path);
    } else {
      return unknown_item(text, parts[i]);
    }
  }
  bool is_plus = is_maildir && !location.is_fs();
  if (is_plus && !location.inbox.empty() && location.inbox != location.root) {
    return bad(
        text,
        "a Maildir's INBOX is the Maildir itself, unless it has LAYOUT=fs: move new/ and cur/ "
        "of the other into it");
  }
  if (location.inbox.empty())
    location.inbox = is_maildir ? location.root : location.root + "/inbox";
  if (location.index.empty()) location.index = location.default_index();
  if (location.control == location.root) location.control.clear();
  return location;
}

// A name in Dovecot's listing is hidden neither by a dot nor in another way, so ours lies beside.
// No user's name begins with a dot, so that /srv/mail/%d/%n is nobody else's.
std::string MailLocation::default_index() const {
  if (!is_fs()) return root;
  auto slash = root.rfind('/');
  return root.substr(0, slash + 1) + "." + root.substr(slash + 1) + ".pennypost";
}

std::string MailLocation::text() const {
  bool is_mbox = format == Format::Mbox;
  std::string text = (is_mbox ? "mbox:" : "maildir:") + escaped(root);
  if (is_fs()) text += ":LAYOUT=fs";
  if (is_mbox || inbox != root) text += ":INBOX=" + escaped(inbox);
  if (index != default_index()) text += ":INDEX=" + escaped(index);
  if (!control.empty()) text += ":CONTROL=" + escaped(control);
  if (escape != '\0') text += std::string(":LISTESCAPE=") + escape;
  if (drops_parents) text += ":NO-NOSELECT";
  return text;
}

Result<void> MailLocation::check(std::string_view text) {
  LocationUser anybody;
  anybody.name = "user@example.org";
  anybody.home = "/home/user";
  TRY_DO(parse(text, anybody));
  return {};
}

}  // namespace pennypost::store
