#include "common/config/config.h"

#include <algorithm>
#include <filesystem>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/check.h"
#include "common/config/layers.h"
#include "common/config/lmtp_settings.h"
#include "common/config/load.h"

namespace pennypost {
namespace {

using namespace kinds;         // NOLINT: the rows' words
using namespace service_sets;  // NOLINT: the rows' words

using Assign = Result<void> (*)(Settings&, std::string_view, const Range&);

template <class Kind, auto member>
Result<void> assign_member(Settings& settings, std::string_view text, const Range& range) {
  TRY(settings.*member, Kind::parse(text, range));
  return {};
}

constexpr Assign assigns[] = {
#define PARAMETER(kind, name, default_text, services, range, description) \
  &assign_member<kinds::kind, &Settings::name>,
#define ROLE_DEFAULT(role, name, text)
#define SERVICE_DEFAULT(service, name, text)
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
};

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

/// The line in `FILE:LINE: …`; texts about something else sort after all lines.
std::uint64_t line_of(std::string_view text, const std::string& file) {
  constexpr std::uint64_t behind = main_toml_bytes_max + 1;
  if (!text.starts_with(file + ":")) return behind;
  text.remove_prefix(file.size() + 1);
  return parse_number(text.substr(0, text.find(':'))).value_or(behind);
}

/// Backslash, tab and line end, which separate the fields of to_text(), are written as \\, \t, \n.
std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '\\')
      result += "\\\\";
    else if (c == '\t')
      result += "\\t";
    else if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    char c = text[++i];
    result += c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return result;
}

/// Whether a setting has the host's value in this scope.
bool is_of_host(const Parameter& parameter, const Scope& scope) {
  if (scope) return (parameter.services & bit(*scope)) == 0;
  return scope.section() != nullptr && !is_of_transports(parameter.name);
}

/// The lists of smtpd_restriction_classes, as far as the admin gave them rightly.
RestrictionClasses classes_of(const Layers& layers, std::vector<std::string>& errors) {
  RestrictionClasses classes;
  for (const auto& [name, given] : layers.classes()) {
    auto text = layers.expand(given.text, {});
    auto list = text ? kinds::Restrictions::parse(*text, kinds::any)
                     : Result<std::vector<Restriction>>(text.error());
    if (list) {
      classes[name] = *std::move(list);
    } else {
      errors.push_back(given.where + ": " + name + ": " + list.error().text());
    }
  }
  return classes;
}

std::size_t index_of(std::string_view name) {
  auto index = find_parameter(name);
  ASSERT(index.has_value());
  return *index;
}

}  // namespace

Result<void> assign(Settings& settings, std::size_t index, std::string_view text) {
  return assigns[index](settings, text, parameters()[index].range);
}

Result<std::shared_ptr<const Config>> Config::load(const LoadOptions& options) {
  return resolve(Layers::read(options));
}

Result<std::shared_ptr<const Config>> Config::parse(std::string_view toml,
                                                    const LoadOptions& options) {
  return resolve(Layers::parse(toml, options));
}

Result<std::shared_ptr<const Config>> Config::resolve(Layers layers) {
  Findings findings;
  findings.errors = layers.errors();
  findings.warnings = layers.warnings();
  check_implicit_tls(layers, findings);

  auto config = std::make_shared<Config>();
  auto classes = classes_of(layers, findings.errors);
  auto scope_of = [&](pennypost::Scope scope) {
    auto result = std::make_shared<Scope>();
    result->settings.restriction_classes = classes;
    for (std::size_t i = 0; i < parameters().size(); ++i) {
      bool of_host = is_of_host(parameters()[i], scope);
      std::string where = layers.where(i, scope);
      auto text =
          of_host ? Result<std::string>(config->host_->texts[i]) : layers.expanded(i, scope);
      auto assigned = text ? assign(result->settings, i, *text) : Result<void>(text.error());
      if (!assigned) {
        add_once(findings.errors,
                 where + ": " + std::string(parameters()[i].name) + ": " + assigned.error().text());
      }
      result->texts.push_back(text ? *std::move(text) : std::string());
      result->wheres.push_back(std::move(where));
    }
    return result;
  };
  config->host_ = scope_of({});
  config->adopt(*config->host_);
  for (std::size_t s = 0; s < service_count; ++s) {
    auto scope = scope_of(static_cast<Service>(s));
    bool same = scope->texts == config->host_->texts;
    config->services_[s] = same ? config->host_ : std::move(scope);
  }
  for (const auto& [title, section] : layers.own_sections()) {
    config->adopt({section, scope_of(pennypost::Scope(section))}, findings.errors);
  }
  if (findings.errors.empty()) check(*config, layers, findings);
  if (!findings.errors.empty()) {
    auto by_line = [&](const std::string& text) { return line_of(text, layers.file()); };
    std::ranges::stable_sort(findings.errors, {}, by_line);
    return Error::permanent(join(findings.errors, "\n"));
  }
  config->warnings_ = std::move(findings.warnings);
  return std::shared_ptr<const Config>(std::move(config));
}

void Config::adopt(const Scope& scope) { static_cast<Settings&>(*this) = scope.settings; }

/// Takes a section of the admin's own, with the settings that hold in it.
void Config::adopt(SectionScope own, std::vector<std::string>& errors) {
  const OwnSection& section = own.section;
  if (section.of == OwnSection::Of::Transport) {
    auto transport = read_transport(section, errors);
    transport.settings = std::shared_ptr<const Settings>(own.scope, &own.scope->settings);
    transports_.insert_or_assign(section.name, std::move(transport));
  } else {
    ScopedService service{read_service(section, errors), own.scope};
    own_services_.insert_or_assign(section.name, std::move(service));
  }
  std::string title = section.title();
  sections_.insert_or_assign(std::move(title), std::move(own));
}

// One line a value: service, title of a section or `-`, name, where, text, parted by tabs; those of
// a service or section only where they differ from the host's. The restriction classes come first,
// as `class`.
std::string Config::to_text() const {
  std::string result;
  for (const auto& [name, list] : restriction_classes) {
    result += "class\t" + name + "\t-\t" + escaped(text_of(list)) + '\n';
  }
  auto write = [&](std::string_view scope_name, const Scope& scope, const Scope* base) {
    for (std::size_t i = 0; i < parameters().size(); ++i) {
      if (base != nullptr && base->texts[i] == scope.texts[i]) continue;
      result += std::string(scope_name) + '\t' + std::string(parameters()[i].name) + '\t' +
                escaped(scope.wheres[i]) + '\t' + escaped(scope.texts[i]) + '\n';
    }
  };
  write("-", *host_, nullptr);
  for (std::size_t s = 0; s < service_count; ++s) {
    if (services_[s] != host_) write(service_names[s], *services_[s], host_.get());
  }
  for (const auto& [title, own] : sections_) {
    for (const auto& [key, given] : own.section.own) {
      result +=
          title + '\t' + key + '\t' + escaped(given.where) + '\t' + escaped(given.text) + '\n';
    }
    write(title, *own.scope, host_.get());
  }
  return result;
}

/// What the lines of to_text() say.
struct Config::Received {
  struct Own {
    OwnSection section;
    std::shared_ptr<Scope> scope;
  };
  Received() {
    host->texts.resize(parameters().size());
    host->wheres.resize(parameters().size());
  }

  Result<void> take(std::string_view line) {
    auto fields = split(line, '\t');
    if (fields.size() != 4) return Error::permanent("a configuration line without four fields");
    if (fields[0] == "class") {
      TRY(host->settings.restriction_classes[std::string(fields[1])],
          kinds::Restrictions::parse(unescaped(fields[3]), kinds::any));
      return {};
    }
    auto index = find_parameter(fields[1]);
    bool is_of_section = fields[0].find('.') != fields[0].npos;
    if (!index && is_of_section) {
      auto& section = own_of(fields[0]).section;
      section.own[std::string(fields[1])] = {unescaped(fields[3]), unescaped(fields[2])};
      bool is_kind = section.of == OwnSection::Of::Service && fields[1] == "kind";
      if (is_kind) section.service = service_of_kind(section.text("kind"));
      return {};
    }
    if (!index)
      return Error::permanent("configuration of another version: " + unknown_parameter(fields[1]));
    Scope* scope = is_of_section ? own_of(fields[0]).scope.get() : host.get();
    if (!is_of_section && fields[0] != "-") {
      auto service = parse_service(fields[0]);
      if (!service) return Error::permanent("a configuration line of no service");
      auto& slot = services[static_cast<std::size_t>(*service)];
      if (!slot) slot = std::make_shared<Scope>(*host);
      scope = slot.get();
    }
    if (scope == host.get()) ++host_values;
    scope->wheres[*index] = unescaped(fields[2]);
    scope->texts[*index] = unescaped(fields[3]);
    return assign(scope->settings, *index, scope->texts[*index]);
  }

  Own& own_of(std::string_view title) {
    Own& own = sections[std::string(title)];
    if (own.scope) return own;
    own.scope = std::make_shared<Scope>(*host);
    auto dot = title.find('.');
    bool is_service = title.substr(0, dot) == "service";
    own.section.of = is_service ? OwnSection::Of::Service : OwnSection::Of::Transport;
    own.section.name = title.substr(dot + 1);
    return own;
  }

  std::shared_ptr<Scope> host = std::make_shared<Scope>();
  std::array<std::shared_ptr<Scope>, service_count> services;
  std::map<std::string, Own> sections;
  std::size_t host_values = 0;
};

Result<std::shared_ptr<const Config>> Config::from_text(std::string_view text) {
  Received received;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    TRY_DO(received.take(line));
  }
  if (received.host_values != parameters().size()) {
    return Error::permanent(
        "configuration of another version: " + std::to_string(received.host_values) +
        " values instead of " + std::to_string(parameters().size()));
  }
  auto config = std::make_shared<Config>();
  config->host_ = received.host;
  config->adopt(*received.host);
  for (std::size_t s = 0; s < service_count; ++s) {
    auto& own = received.services[s];
    config->services_[s] = own ? std::shared_ptr<const Scope>(own) : config->host_;
  }
  std::vector<std::string> errors;
  for (auto& [title, own] : received.sections) {
    config->adopt({std::move(own.section), std::move(own.scope)}, errors);
  }
  if (!errors.empty()) return Error::permanent(join(errors, "\n"));
  return std::shared_ptr<const Config>(std::move(config));
}

const Settings& Config::at(Service service) const {
  return services_[static_cast<std::size_t>(service)]->settings;
}

std::uint16_t Config::port(Service service) const {
  switch (service) {
    case Service::Smtp:
      return smtp_port;
    case Service::Submission:
      return submission_port;
    case Service::Submissions:
      return submissions_port;
    case Service::Pop3:
      return pop3_port;
    case Service::Pop3s:
      return pop3s_port;
    case Service::Imap:
      return imap_port;
    case Service::Imaps:
      return imaps_port;
    case Service::Sieve:
      return holds(protocols, "sieve") ? sieve_port : std::uint16_t{0};
  }
  return 0;
}

std::vector<ListeningService> Config::listening(const std::vector<Service>& kinds) const {
  std::vector<ListeningService> found;
  for (Service kind : kinds) {
    std::string name(name_of(kind));
    std::string place = where(name + "_port");
    found.push_back({std::move(name), kind, port(kind), std::move(place), &at(kind)});
  }
  for (const auto& [name, own] : own_services_) {
    if (std::ranges::find(kinds, own.kind) == kinds.end()) continue;
    const ServiceSocket* socket = own.socket ? &*own.socket : nullptr;
    found.push_back(
        {name, own.kind, own.port, own.where, &own.scope->settings, own.is_lmtp, socket});
  }
  return found;
}

const Settings* Config::find_service(std::string_view name) const {
  if (auto built_in = parse_service(name)) return &at(*built_in);
  auto own = own_services_.find(name);
  return own == own_services_.end() ? nullptr : &own->second.scope->settings;
}

const OwnTransport* Config::find_transport(std::string_view name) const {
  auto found = transports_.find(name);
  return found == transports_.end() ? nullptr : &found->second;
}

bool Config::is_transport(std::string_view name) const {
  return built_in_transport(name).has_value() || find_transport(name) != nullptr;
}

const Settings& Config::of_transport(std::string_view name) const {
  const OwnTransport* own = find_transport(name);
  return own == nullptr ? *this : *own->settings;
}

std::shared_ptr<const Config> Config::as_transport(std::string_view name) const {
  auto copy = std::make_shared<Config>(*this);
  static_cast<Settings&>(*copy) = of_transport(name);
  const OwnTransport* own = find_transport(name);
  if (own != nullptr && own->kind == TransportKind::Lmtp) use_lmtp_settings(*copy);
  return copy;
}

const std::string& Config::text(std::string_view name) const {
  return host_->texts[index_of(name)];
}

const std::string& Config::text(std::string_view name, Service service) const {
  return services_[static_cast<std::size_t>(service)]->texts[index_of(name)];
}

std::vector<Config::OwnText> Config::own_texts() const {
  std::vector<OwnText> all;
  for (const auto& [title, own] : sections_) {
    for (std::size_t i = 0; i < parameters().size(); ++i) {
      if (own.scope->texts[i] == host_->texts[i]) continue;
      all.push_back({own.scope->wheres[i], &parameters()[i], own.scope->texts[i]});
    }
  }
  return all;
}

const std::string& Config::where(std::string_view name) const {
  return host_->wheres[index_of(name)];
}

}  // namespace pennypost
