// Holds all settings of one host as an immutable value, read from main.toml, -o and the host.
//
//   TRY(auto config, Config::load({.directory = "/etc/pennypost"}));
//   config->hopcount_limit                                  the host's value
//   config->at(Service::Submission).smtpd_timeout           the service's value
//   config->of_transport("slow").smtp_connect_timeout       the value of [transport.slow]
//
// Precedence: built-in default < role default < service default < main.toml < its [service.NAME]
// section < -o. A section of the admin's own has the defaults of its kind, and takes nothing from
// other sections. `$name`, `${name}`, `${name?text}`, `${name:text}` expand, `$$` is a dollar.
//
// A Config never changes: at reload the master makes a new one and sends its to_text() to the
// children, while sessions keep theirs. Errors name FILE:LINE, what is wrong, and what would be
// right, one per line.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/kinds.h"
#include "common/config/own_service.h"
#include "common/config/parameter.h"
#include "common/config/system.h"
#include "common/config/transports.h"
#include "common/config/types.h"

namespace pennypost {

/// The typed settings, one member for each row of parameters.def.
struct Settings {
#define PARAMETER(kind, name, default_text, services, range, description) kinds::kind::type name{};
#define ROLE_DEFAULT(role, name, text)
#define SERVICE_DEFAULT(service, name, text)
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
  RestrictionClasses restriction_classes;  ///< settings of the admin's own naming
};

/// Where a configuration comes from.
struct LoadOptions {
  std::string directory = "/etc/pennypost";  ///< holds main.toml
  std::vector<std::string> overrides = {};   ///< -o: `name=value` or `service.NAME.name=value`
  std::optional<System> system = {};         ///< facts about the host; unset: this host
};

/// A service that accepts connections: a built-in one, or a [service.NAME].
struct ListeningService {
  std::string name;
  Service kind = Service::Smtp;           ///< as which it behaves
  std::uint16_t port = 0;                 ///< 0: none
  std::string where;                      ///< of its port or socket: `FILE:LINE`
  const Settings* settings = nullptr;     ///< of the Config that it is from
  bool is_lmtp = false;                   ///< speaks LMTP in place of SMTP
  const ServiceSocket* socket = nullptr;  ///< of the same Config; null: none
};

class Layers;

class Config : public Settings {
 public:
  /// Reads `directory`/main.toml. Error: every mistake found, one per line, each `FILE:LINE: …`.
  static Result<std::shared_ptr<const Config>> load(const LoadOptions& options);
  /// The same from the text of a main.toml; for tests and for checking an edit before it is
  /// written.
  static Result<std::shared_ptr<const Config>> parse(std::string_view toml,
                                                     const LoadOptions& options);

  /// All values, resolved, for from_text() in another process of the same build.
  std::string to_text() const;
  static Result<std::shared_ptr<const Config>> from_text(std::string_view text);

  /// The settings of one service.
  const Settings& at(Service service) const;
  /// The port of a service; 0: off.
  std::uint16_t port(Service service) const;
  /// The services that behave as these, the built-in ones first; also those that are off.
  std::vector<ListeningService> listening(const std::vector<Service>& kinds) const;
  /// The settings of the service of that name; null if there is none.
  const Settings* find_service(std::string_view name) const;
  /// The transports of the admin's own.
  const OwnTransports& transports() const { return transports_; }
  /// The one of that name; null if there is none.
  const OwnTransport* find_transport(std::string_view name) const;
  /// Whether there is a transport of that name, built in or not.
  bool is_transport(std::string_view name) const;
  /// A copy for a transport's client, which reads smtp_ settings alone: they are the transport's,
  /// of kind lmtp those of LMTP.
  std::shared_ptr<const Config> as_transport(std::string_view name) const;
  /// The settings with which a transport works: the host's, unless it has its own.
  const Settings& of_transport(std::string_view name) const;
  /// The expanded text of a setting, which must exist.
  const std::string& text(std::string_view name) const;
  const std::string& text(std::string_view name, Service service) const;
  /// A setting that a section of the admin's own gives another value than the host's.
  struct OwnText {
    std::string where;
    const Parameter* parameter;
    std::string text;
  };
  std::vector<OwnText> own_texts() const;
  /// Where a setting's value comes from: `FILE:LINE`, `-o NAME`, or `default of NAME`.
  const std::string& where(std::string_view name) const;
  /// Problems that do not prevent a start, each `FILE:LINE: …`.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Scope {
    std::vector<std::string> texts;  ///< expanded, by parameter index
    std::vector<std::string> wheres;
    Settings settings;
  };
  struct ScopedService : OwnService {
    std::shared_ptr<const Scope> scope;
  };
  struct SectionScope {
    OwnSection section;
    std::shared_ptr<const Scope> scope;
  };
  struct Received;
  static Result<std::shared_ptr<const Config>> resolve(Layers layers);
  void adopt(const Scope& scope);
  void adopt(SectionScope own, std::vector<std::string>& errors);

  std::shared_ptr<const Scope> host_;
  std::array<std::shared_ptr<const Scope>, service_count> services_;
  std::map<std::string, ScopedService, std::less<>> own_services_;
  OwnTransports transports_;
  std::map<std::string, SectionScope> sections_;  // by title
  std::vector<std::string> warnings_;
};

/// Parses the expanded text of one setting as the value of parameters()[index]; the Error's text
/// has neither file nor name.
Result<void> assign(Settings& settings, std::size_t index, std::string_view text);

}  // namespace pennypost
