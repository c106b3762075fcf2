#include "common/config/layers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/load.h"
#include "common/config/nearest.h"
#include "common/config/own_service.h"
#include "common/config/peer_settings.h"
#include "common/config/transports.h"
#include "common/mail/idn.h"

namespace pennypost {
namespace {

std::size_t at(Service service) { return static_cast<std::size_t>(service); }

bool is_name_letter(char c) { return is_alnum(c) || c == '_'; }

std::size_t index_of(std::string_view name) {
  auto index = find_parameter(name);
  ASSERT(index.has_value());
  return *index;
}

/// Settings that may be written with U-labels but are used only with A-labels.
bool is_own_name(std::string_view parameter) {
  return parameter == "myhostname" || parameter == "mydomain" || parameter == "myorigin" ||
         parameter == "smtp_helo_name" || parameter == "lmtp_lhlo_name" ||
         parameter == "auth_realm";
}

/// The first line of a file that is neither blank nor a comment.
Result<std::string> first_line(const std::string& path) {
  std::ifstream stream(path);
  std::string line;
  while (std::getline(stream, line)) {
    std::string_view text = trim(line);
    if (!text.empty() && !text.starts_with('#')) return std::string(text);
  }
  return Error::permanent(path + " contains no name; write a domain into it, or into the setting");
}

/// The position of the brace or parenthesis that closes the one at `open`; npos if there is none.
std::size_t closing(std::string_view text, std::size_t open) {
  char opener = text[open];
  char closer = opener == '{' ? '}' : ')';
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (text[i] == opener) ++depth;
    if (text[i] == closer && --depth == 0) return i;
  }
  return text.npos;
}

}  // namespace

Layers Layers::read(const LoadOptions& options) {
  std::string file = options.directory + "/main.toml";
  // `<<` fails for an empty file as well as for an unreadable one; only the latter sets errno.
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream.is_open() || stream.bad() || (text.fail() && errno != 0)) {
    const char* remedy = errno == ENOENT
                             ? "; write it (etc/ holds an example for each role), or name its "
                               "directory with -c"
                             : "; it must be a file that the user who runs this may read";
    std::string what = file + ": " + std::strerror(errno) + remedy;
    Layers layers = parse("", options);
    layers.errors_.insert(layers.errors_.begin(), std::move(what));
    return layers;
  }
  return parse(text.str(), options);
}

Layers Layers::parse(std::string_view toml, const LoadOptions& options) {
  Layers layers;
  layers.file_ = options.directory + "/main.toml";
  layers.system_ = options.system;
  layers.add_toml(toml);
  layers.add_overrides(options);
  layers.settle_sections();
  layers.settle_own_forms();
  layers.settle_classes();
  return layers;
}

void Layers::add_toml(std::string_view toml) {
  TomlFile read = read_toml(toml, file_);
  errors_ = std::move(read.errors);
  for (TomlEntry& entry : read.entries) {
    std::string where = file_ + ":" + std::to_string(entry.key.line);
    if (entry.name == "config_directory") {
      errors_.push_back(where + ": config_directory: can't be set in the file itself; use -c");
      continue;
    }
    if (!entry.own_section.empty()) {
      own_lines_[entry.own_section].push_back({entry.name, {std::move(entry.text), where}});
      continue;
    }
    Texts& to = entry.service ? sections_[at(*entry.service)] : host_;
    add(to, entry.name, entry.service, std::move(entry.text), where);
  }
}

void Layers::add_overrides(const LoadOptions& options) {
  overrides_[index_of("config_directory")] = {
      std::filesystem::absolute(options.directory).lexically_normal().string(), "-c"};
  for (const std::string& override_text : options.overrides) {
    auto equals = override_text.find('=');
    std::string where = "-o " + printable(override_text.substr(0, equals), 100);
    if (equals == override_text.npos) {
      errors_.push_back(where + ": no value; write -o name=value");
      continue;
    }
    std::string_view name = trim(std::string_view(override_text).substr(0, equals));
    std::string_view text = trim(std::string_view(override_text).substr(equals + 1));
    if (!name.starts_with("service.") && !name.starts_with("transport.")) {
      add(overrides_, name, {}, std::string(text), where);
      continue;
    }
    auto first = name.find('.');
    auto dot = name.find('.', first + 1);
    if (dot == name.npos) {
      errors_.push_back(where + ": names no setting; write -o service.submission.name=value");
      continue;
    }
    auto service = parse_service(name.substr(first + 1, dot - first - 1));
    if (service && name.starts_with("service.")) {
      add(service_overrides_[at(*service)], name.substr(dot + 1), service, std::string(text),
          where);
    } else {
      own_lines_[std::string(name.substr(0, dot))].push_back(
          {std::string(name.substr(dot + 1)), {std::string(text), where}, true});
    }
  }
}

void Layers::add(Texts& to, std::string_view name, Scope scope, std::string text,
                 const std::string& where) {
  auto index = find_parameter(name);
  if (!index && !scope) {
    classes_[std::string(name)] = {std::move(text), where};
    return;
  }
  if (!index) return report_unknown(name, where);
  if (scope && (parameters()[*index].services & bit(*scope)) == 0) {
    errors_.push_back(where + ": " + std::string(name) +
                      " has one value for the whole host; set it above " +
                      "the sections, not in [service." + std::string(name_of(*scope)) + "]");
    return;
  }
  to[*index] = {std::move(text), where};
}

/// Tells of a name that is no setting.
void Layers::report_unknown(std::string_view name, const std::string& where) {
  auto peers = find_peer_setting(name);
  if (peers && peers->treatment == PeerSetting::Treatment::NoEffect) {
    warnings_.push_back(where + ": " + std::string(name) +
                        " has no effect here: " + std::string(peers->remark));
  } else {
    errors_.push_back(where + ": " + unknown_parameter(name));
  }
}

/// Learns what each section of the admin's own is, and takes its lines.
void Layers::settle_sections() {
  std::size_t services = 0;
  for (const auto& [title, lines] : own_lines_) {
    OwnSection section;
    auto dot = title.find('.');
    section.of =
        title.starts_with("service.") ? OwnSection::Of::Service : OwnSection::Of::Transport;
    section.name = title.substr(dot + 1);
    section.where = lines.front().given.where;
    for (const OwnLine& line : lines) {
      if (line.key == "kind") section.own["kind"] = line.given;
    }
    if (!settle_kind(section)) continue;
    for (const OwnLine& line : lines) {
      if (line.key != "kind") settle_key(section, line);
    }
    if (section.text("kind") == lmtp_kind && section.service) add_lmtp_defaults(section);
    if (section.service) ++services;
    own_sections_.emplace(title, std::move(section));
  }
  if (std::max(services, own_sections_.size() - services) > own_sections_max) {
    errors_.push_back(file_ + ": more than " + std::to_string(own_sections_max) +
                      " sections [service.NAME] or [transport.NAME]");
  }
}

/// Whether the section has a name and a kind that can be.
bool Layers::settle_kind(OwnSection& section) {
  auto fail = [&](const std::string& what) {
    errors_.push_back(section.where_of("kind") + ": [" + printable(section.title(), 100) +
                      "]: " + what);
    return false;
  };
  bool is_name =
      !section.name.empty() && section.name.size() <= own_name_bytes_max &&
      std::ranges::all_of(section.name, [](char c) { return is_name_letter(c) || c == '-'; });
  if (!is_name) return fail("a name has letters, digits, - and _ only, at most 64");
  std::string kind = section.text("kind");
  if (section.of == OwnSection::Of::Service) {
    section.service = service_of_kind(kind);
    if (section.service) return true;
    return fail(kind.empty() ? "has no kind; write kind = \"smtp\", \"submission\", "
                               "\"submissions\" or \"lmtp\""
                             : "kind is one of: smtp, submission, submissions, lmtp");
  }
  if (built_in_transport(section.name)) {
    return fail("is a transport that exists already; take another name");
  }
  if (parse_transport_kind(kind)) return true;
  std::string kinds = "smtp, relay, lmtp, pipe, local, virtual, error, retry, discard";
  return fail(kind.empty() ? "has no kind; write kind = \"smtp\"; there are " + kinds
                           : "kind is one of: " + kinds);
}

/// Gives an LMTP service what goes before the host's values.
void Layers::add_lmtp_defaults(OwnSection& section) {
  for (const auto& [name, text] : lmtp_service_defaults) {
    auto index = index_of(name);
    section.settings.try_emplace(index, Given{std::string(text), "default of kind lmtp"});
  }
}

/// The setting that a section's key is, if it may stand there.
std::optional<std::size_t> Layers::setting_of(const OwnSection& section, std::string_view key) {
  auto index = find_parameter(key);
  if (section.service) {
    bool is_theirs = index && (parameters()[*index].services & bit(*section.service)) != 0;
    return is_theirs ? index : std::nullopt;
  }
  auto kind = parse_transport_kind(section.text("kind"));
  bool is_client = kind && *kind <= TransportKind::Lmtp;
  std::string_view protocol = kind == TransportKind::Lmtp ? "lmtp_" : "smtp_";
  if (index && is_client && is_client_setting(key, protocol)) return index;
  std::string limit =
      key.starts_with("initial_") ? std::string(key) : "default_" + std::string(key);
  return is_transport_limit(limit) ? find_parameter(limit) : std::nullopt;
}

/// Takes a line: a key of the section's kind, or a setting that it may have.
void Layers::settle_key(OwnSection& section, const OwnLine& line) {
  auto kind = parse_transport_kind(section.text("kind"));
  std::vector<std::string_view> keys{service_keys.begin(), service_keys.end()};
  if (!section.service) keys = own_keys_of(*kind);
  if (std::ranges::find(keys, line.key) != keys.end()) {
    section.own[line.key] = line.given;
    return;
  }
  if (auto index = setting_of(section, line.key)) {
    (line.is_override ? section.overrides : section.settings)[*index] = line.given;
    return;
  }
  std::string what =
      join({keys.begin(), keys.end()}, ", ") + ", and the settings that may differ per service";
  if (!section.service) {
    if (kind == TransportKind::Lmtp) keys.emplace_back("lmtp_ settings");
    if (*kind < TransportKind::Lmtp) keys.emplace_back("smtp_ settings");
    keys.emplace_back("and limits such as destination_concurrency_limit");
    what = join({keys.begin(), keys.end()}, ", ");
  }
  errors_.push_back(line.given.where + ": " + section.title() + "." + printable(line.key, 100) +
                    ": is no key of kind " + section.text("kind") + ", which takes " + what);
}

/// Takes NAME_destination_concurrency_limit and its kin, as Postfix has them, for [transport.NAME].
void Layers::settle_own_forms() {
  for (auto& [title, section] : own_sections_) {
    if (section.of != OwnSection::Of::Transport) continue;
    std::string prefix = section.name + "_";
    for (auto one = classes_.lower_bound(prefix); one != classes_.end();) {
      if (!one->first.starts_with(prefix)) break;
      bool is_form = settle_own_form(section, one->first.substr(prefix.size()), one->second);
      if (is_form) own_forms_.insert(*one);
      one = is_form ? classes_.erase(one) : std::next(one);
    }
  }
}

/// Whether the transport has such a limit. What its section says itself counts, unless it is -o
/// that gives the limit.
bool Layers::settle_own_form(OwnSection& section, std::string_view key, const Given& given) {
  bool is_override = given.where.starts_with("-o ");
  if (key == "time_limit" && section.text("kind") == name_of(TransportKind::Pipe)) {
    if (is_override) section.own.erase("time_limit");
    section.own.emplace(key, given);
    return true;
  }
  auto index = setting_of(section, key);
  if (!index || !is_transport_limit(parameters()[*index].name)) return false;
  (is_override ? section.overrides : section.settings).emplace(*index, given);
  return true;
}

/// Of the names that are no settings, those of classes are kept; of the others the admin is told.
void Layers::settle_classes() {
  auto names = list_items(value("smtpd_restriction_classes"));
  for (auto one = classes_.begin(); one != classes_.end();) {
    bool is_class = names && std::ranges::find(*names, one->first) != names->end();
    if (!is_class) report_unknown(one->first, one->second.where);
    one = is_class ? std::next(one) : classes_.erase(one);
  }
}

const Layers::Given* Layers::given(std::size_t index, Scope scope) const {
  auto in = [index](const Texts& texts) -> const Given* {
    auto found = texts.find(index);
    return found == texts.end() ? nullptr : &found->second;
  };
  const OwnSection* own = scope.section();
  const Given* found = nullptr;
  if (own != nullptr) found = in(own->overrides);
  if (own == nullptr && scope) found = in(service_overrides_[at(*scope)]);
  if (found == nullptr) found = in(overrides_);
  if (found == nullptr && own != nullptr) found = in(own->settings);
  if (found == nullptr && own == nullptr && scope) found = in(sections_[at(*scope)]);
  if (found == nullptr) found = in(host_);
  return found;
}

bool Layers::is_given(std::string_view name, Scope scope) const {
  return given(index_of(name), scope) != nullptr;
}

std::string Layers::default_text(std::size_t index, Scope scope) const {
  const Parameter& parameter = parameters()[index];
  if (scope) {
    if (auto text = service_default(*scope, parameter.name)) return std::string(*text);
  }
  if (parameter.name == "role") {
    bool is_derived = given(index) == nullptr;
    return std::string(is_derived ? name_of(role()) : parameter.default_text);
  } else {
    if (auto text = role_default(role(), parameter.name)) return std::string(*text);
  }
  if (parameter.default_text.empty()) {
    if (auto text = derived_default(parameter.name, *this, scope)) return *text;
  }
  return std::string(parameter.default_text);
}

std::string Layers::raw(std::size_t index, Scope scope) const {
  const Given* found = given(index, scope);
  return found != nullptr ? found->text : default_text(index, scope);
}

std::string Layers::where(std::string_view name, Scope scope) const {
  return where(index_of(name), scope);
}

std::string Layers::where(std::size_t index, Scope scope) const {
  const Given* found = given(index, scope);
  return found != nullptr ? found->where : "default of " + std::string(parameters()[index].name);
}

Result<std::string> Layers::expanded(std::size_t index, Scope scope) const {
  if (std::ranges::find(expanding_, index) != expanding_.end()) {
    return Error::permanent("$" + std::string(parameters()[index].name) +
                            " leads back to itself; break the loop");
  }
  if (expanding_.size() >= expansion_depth_max) {
    return Error::permanent("$name leads deeper than " + std::to_string(expansion_depth_max) +
                            " levels; write the value itself");
  }
  expanding_.push_back(index);
  std::string text = raw(index, scope);
  Result<std::string> result =
      parameters()[index].kind == "Raw" ? Result<std::string>(text) : expand(text, scope);
  expanding_.pop_back();
  // Debian's myorigin = /etc/mailname.
  bool file = result && parameters()[index].name == "myorigin" && result->starts_with('/');
  if (file) result = first_line(*result);
  // These names are used in SMTP dialogues, where they must be ASCII.
  if (result && !is_ascii(*result) && is_own_name(parameters()[index].name)) {
    if (auto ascii = domain_to_ascii(*result)) return *std::move(ascii);
  }
  return result;
}

Result<std::string> Layers::expand(std::string_view text, Scope scope) const {
  if (nesting_ > 2 * expansion_depth_max) {
    return Error::permanent("${name?${…}} nests too deep; write the value itself");
  }
  struct Level {
    std::size_t& count;
    explicit Level(std::size_t& counter) : count(counter) { ++count; }
    ~Level() { --count; }
  } level(nesting_);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    char next = text[++i];
    if (next == '$') {
      result += '$';
      continue;
    }
    std::string_view inner;
    if (next == '{' || next == '(') {
      std::size_t end = closing(text, i);
      if (end == text.npos) {
        return Error::permanent("${ without its }; write ${name}, or $$ for a dollar");
      }
      inner = text.substr(i + 1, end - i - 1);
      i = end;
    } else {
      std::size_t end = i;
      while (end < text.size() && is_name_letter(text[end])) ++end;
      inner = text.substr(i, end - i);
      if (inner.empty()) {
        return Error::permanent("a $ without a name; write $name, or $$ for a dollar");
      }
      i = end - 1;
    }
    auto mark = inner.find_first_of("?:");
    std::string_view name = trim(inner.substr(0, mark));
    auto index = find_parameter(name);
    if (!index) {
      return Error::permanent("$" + printable(name, 100) + ": " + unknown_parameter(name) +
                              " ($$ is a dollar)");
    }
    TRY(std::string value, expanded(*index, scope));
    if (mark == inner.npos) {
      result += value;
    } else if (value.empty() == (inner[mark] == ':')) {
      TRY(std::string then, expand(inner.substr(mark + 1), scope));
      result += then;
    }
    if (result.size() > static_cast<std::size_t>(setting_bytes_max)) {
      return Error::permanent("the value grows beyond " + std::to_string(setting_bytes_max) +
                              " characters by its $name");
    }
  }
  return result;
}

std::string Layers::value(std::string_view name, Scope scope) const {
  auto text = expanded(index_of(name), scope);
  return text ? *std::move(text) : std::string();
}

Role Layers::role() const {
  const Given* found = given(index_of("role"));
  if (found == nullptr) return is_null_client_by_settings() ? Role::NullClient : Role::None;
  auto role = kinds::RoleName::parse(found->text, kinds::any);
  return role ? *role : Role::None;
}

/// Whether the settings of a null client were given individually, as in Postfix's documentation,
/// and none that contradicts them.
bool Layers::is_null_client_by_settings() const {
  auto text = [this](std::string_view name) {
    const Given* found = given(index_of(name));
    return found == nullptr ? std::nullopt : std::optional(lower(trim(found->text)));
  };
  auto transport = text("local_transport");
  auto interfaces = text("inet_interfaces");
  bool keeps_no_mail = text("mydestination") == "" && transport && transport->starts_with("error:");
  bool is_local = interfaces == "loopback-only" || interfaces == "localhost";
  bool has_relay = !text("relayhost").value_or("").empty();
  bool serves_users = std::ranges::any_of(
      std::array{"protocols", "submission_port", "submissions_port", "system_users"},
      [this](std::string_view name) { return is_given(name); });
  return keeps_no_mail && is_local && has_relay && !serves_users;
}

const System& Layers::system() const {
  if (!system_) system_ = System::query();
  return *system_;
}

void Layers::turn_off(std::string_view name) {
  overrides_[index_of(name)] = {"0", "no certificate"};
}

}  // namespace pennypost
