#include "smtpd/migration/sendmail_site.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

using Class = SendmailSite::Class;

struct ClassMacro {
  std::string_view name;  // with _FILE behind it: the names are in a file
  Class of;
};
constexpr std::array class_macros{ClassMacro{"EXPOSED_USER", Class::Exposed},
                                  ClassMacro{"GENERICS_DOMAIN", Class::Generic},
                                  ClassMacro{"LOCAL_DOMAIN", Class::Local},
                                  ClassMacro{"MASQUERADE_DOMAIN", Class::Masqueraded},
                                  ClassMacro{"MASQUERADE_EXCEPTION", Class::NotMasqueraded},
                                  ClassMacro{"RELAY_DOMAIN", Class::Relay},
                                  ClassMacro{"VIRTUSER_DOMAIN", Class::Virtual}};

/// The last call that `is_wanted`.
template <class Wanted>
const McCall* last(const std::vector<McCall>& calls, Wanted is_wanted) {
  auto found = std::ranges::find_if(calls.rbegin(), calls.rend(), is_wanted);
  return found == calls.rend() ? nullptr : &*found;
}

}  // namespace

Result<SendmailSite> SendmailSite::read(const ReadSource& read, Migration& migration) {
  SendmailSite site;
  site.read_ = read;
  site.migration_ = &migration;
  TRY(auto mc, read(mc_name));
  site.has_mc_ = mc.has_value();
  if (mc) {
    TRY(site.calls_, parse_mc(*mc, mc_name));
  } else {
    migration.lacks(
        {mc_name, 0}, "",
        "the file is missing: which addresses Sendmail listens on, and what else it was "
        "told, is not known");
  }
  TRY_DO(site.read_classes());
  return site;
}

const McCall* SendmailSite::feature(std::string_view name) const {
  return last(calls_, [&](const McCall& call) {
    return call.name == "FEATURE" && trim(call.argument(0)) == name;
  });
}

const McCall* SendmailSite::definition(std::string_view name) const {
  return last(calls_, [&](const McCall& call) {
    return call.name == "define" && trim(call.argument(0)) == name;
  });
}

std::string SendmailSite::defined(std::string_view name) const {
  const McCall* call = definition(name);
  return call == nullptr ? "" : std::string(trim(call->argument(1)));
}

Result<SendmailSite::Table> SendmailSite::table(std::string_view feature,
                                                std::string_view file) const {
  Table table{std::string(file), {}};
  const McCall* named = this->feature(feature);
  if (named != nullptr) {
    auto other = file_in_directory(named->argument(1));
    bool is_elsewhere = !trim(named->argument(1)).empty() && other.empty();
    if (is_elsewhere) {
      migration_->lacks(at(*named), named->text,
                        "the table is in no file of the directory; write it as ldap: or another "
                        "type of table");
      return table;
    }
    if (!other.empty()) table.file = other;
  }
  TRY(auto text, read_(table.file));
  if (!text) return table;
  if (has_mc_ && named == nullptr) {
    migration_->lacks({table.file, 0}, "",
                      "sendmail.mc has no FEATURE(`" + std::string(feature) +
                          "'), so that Sendmail does not use the file");
    return table;
  }
  table.entries = sendmail_entries(*text);
  return table;
}

const std::vector<SiteName>& SendmailSite::names(Class of) const {
  static const std::vector<SiteName> none;
  auto found = names_.find(of);
  return found == names_.end() ? none : found->second;
}

bool SendmailSite::holds(Class of, std::string_view name) const {
  return std::ranges::any_of(names(of),
                             [&](const SiteName& one) { return equal_nocase(one.name, name); });
}

Result<void> SendmailSite::read_classes() {
  for (const McCall& call : calls_) {
    for (const ClassMacro& macro : class_macros) {
      if (call.name == std::string(macro.name) + "_FILE") {
        TRY_DO(read_names(macro.of, call.argument(0)));
      }
      if (call.name != macro.name) continue;
      for (auto word : words(call.argument(0))) {
        names_[macro.of].push_back({domain_as_written(word), at(call)});
      }
    }
  }
  auto file_of = [&](std::string_view name, std::string standard) {
    auto given = file_in_directory(defined(name));
    return given.empty() ? standard : given;
  };
  if (!has_mc_ || has("use_cw_file")) {
    TRY_DO(read_names(Class::Local, file_of("confCW_FILE", "local-host-names")));
  }
  return read_names(Class::Relay, file_of("confCR_FILE", "relay-domains"));
}

Result<void> SendmailSite::read_names(Class of, const std::string& file) {
  auto name = file_in_directory(file);
  if (name.empty()) {
    migration_->lacks({mc_name, 0}, file, "these names are in no file of the directory");
    return {};
  }
  TRY(auto text, read_(name));
  if (!text) return {};
  for (auto& entry : sendmail_names(*text)) {
    names_[of].push_back({domain_as_written(entry.key), {name, entry.line}});
  }
  return {};
}

std::string file_in_directory(std::string_view definition) {
  auto parts = words(definition, " \t");
  if (parts.empty() || parts.front().starts_with('@')) return "";
  auto path = parts.back();
  bool is_server = starts_with_nocase(path, "ldap") || equal_nocase(parts.front(), "ldap") ||
                   equal_nocase(parts.front(), "nis") || path.find(':') != path.npos;
  if (is_server) return "";
  auto slash = path.rfind('/');
  auto name = path.substr(slash == path.npos ? 0 : slash + 1);
  if (name.ends_with(".db")) name.remove_suffix(3);
  return name == "." || name == ".." ? "" : std::string(name);
}

}  // namespace pennypost::smtp
