// Combines what the admin gave with the defaults into the text of each setting, for each service.
//
// Config is built on it. postconf uses it directly, for the texts before and after `$name`
// expansion and where each comes from. See config.h for the precedence.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/own_section.h"
#include "common/config/parameter.h"
#include "common/config/system.h"
#include "common/config/types.h"

namespace pennypost {

struct LoadOptions;

/// How deep `$name` may lead to other `$name`s.
inline constexpr std::size_t expansion_depth_max = 20;

class Layers {
 public:
  using Given = GivenText;

  /// Reads main.toml in the options' directory. Mistakes are in errors().
  static Layers read(const LoadOptions& options);
  static Layers parse(std::string_view toml, const LoadOptions& options);

  /// What the admin gave for a setting, with the highest precedence; null if it is left at its
  /// default.
  const Given* given(std::size_t index, Scope scope = {}) const;
  /// Whether the admin gave it, for a cross-check or a derived default.
  bool is_given(std::string_view name, Scope scope = {}) const;
  /// The text before expansion: given, or a default.
  std::string raw(std::size_t index, Scope scope = {}) const;
  /// The default's text before expansion, whatever was given.
  std::string default_text(std::size_t index, Scope scope = {}) const;
  /// `FILE:LINE`, `-o NAME`, or `default of NAME`.
  std::string where(std::string_view name, Scope scope = {}) const;
  std::string where(std::size_t index, Scope scope = {}) const;
  /// The text after expansion. Error: `$name` is unknown, in a loop, or malformed.
  Result<std::string> expanded(std::size_t index, Scope scope = {}) const;
  /// Expands any text as if it were a setting's.
  Result<std::string> expand(std::string_view text, Scope scope) const;
  /// The expanded text of a setting that must exist; empty if it can't be expanded.
  std::string value(std::string_view name, Scope scope = {}) const;

  /// What the admin gave for the classes of smtpd_restriction_classes, by name.
  const std::map<std::string, Given>& classes() const { return classes_; }

  /// Settings such as slow_destination_rate_delay, Postfix's name for destination_rate_delay of
  /// [transport.slow], by name.
  const std::map<std::string, Given>& own_forms() const { return own_forms_; }

  /// The sections of the admin's own, by title, as far as their kind is known.
  const std::map<std::string, OwnSection>& own_sections() const { return own_sections_; }

  /// The role that the admin gave; NullClient also if the individual settings amount to one.
  Role role() const;
  const System& system() const;
  const std::string& file() const { return file_; }
  /// All mistakes of form: not TOML, unknown names, settings that are not allowed in a section.
  const std::vector<std::string>& errors() const { return errors_; }
  /// Settings of Postfix's that have no effect here.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Sets a port that can't be served to 0, overriding everything else.
  void turn_off(std::string_view name);

 private:
  /// A line of a section of the admin's own, before it is known what the section is.
  struct OwnLine {
    std::string key;
    Given given;
    bool is_override = false;
  };
  bool is_null_client_by_settings() const;
  void settle_classes();
  void report_unknown(std::string_view name, const std::string& where);
  void settle_sections();
  bool settle_kind(OwnSection& section);
  static void add_lmtp_defaults(OwnSection& section);
  void settle_key(OwnSection& section, const OwnLine& line);
  void settle_own_forms();
  bool settle_own_form(OwnSection& section, std::string_view key, const Given& given);
  static std::optional<std::size_t> setting_of(const OwnSection& section, std::string_view key);
  void add_toml(std::string_view toml);
  void add_overrides(const LoadOptions& options);
  void add(std::map<std::size_t, Given>& to, std::string_view name, Scope scope, std::string text,
           const std::string& where);

  using Texts = std::map<std::size_t, Given>;
  std::string file_;
  Texts host_;
  std::array<Texts, service_count> sections_;
  Texts overrides_;
  std::array<Texts, service_count> service_overrides_;
  std::map<std::string, Given> classes_;
  std::map<std::string, Given> own_forms_;
  std::map<std::string, std::vector<OwnLine>> own_lines_;  ///< by the section's title
  std::map<std::string, OwnSection> own_sections_;
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
  mutable std::optional<System> system_;        ///< queried when first needed
  mutable std::vector<std::size_t> expanding_;  ///< the settings being expanded, outermost first
  mutable std::size_t nesting_ = 0;             ///< the depth of nested expand() calls
};

/// The text of a setting's derived default, if it has one; see derive.cpp.
std::optional<std::string> derived_default(std::string_view name, const Layers& layers,
                                           Scope scope);

}  // namespace pennypost
