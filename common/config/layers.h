// What the admin gave and what defaults there are in; the text of each setting, for each service,
// out.
//
// The seam below Config that postconf also needs: texts before and after `$name` expansion, and
// where each is from. See config.h for the precedence.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/parameter.h"
#include "common/config/system.h"
#include "common/config/types.h"

namespace pennypost {

struct LoadOptions;

/// The host as a whole, or one of its services.
using Scope = std::optional<Service>;

/// `$name` may lead to `$name` this deep.
inline constexpr std::size_t expansion_depth_max = 20;

class Layers {
 public:
  struct Given {
    std::string text;
    std::string where;
  };

  /// Reads main.toml of the options' directory. What is wrong is in errors().
  static Layers read(const LoadOptions& options);
  static Layers parse(std::string_view toml, const LoadOptions& options);

  /// What the admin gave for a setting, in the order of precedence; null where it is left at
  /// default.
  const Given* given(std::size_t index, Scope scope = {}) const;
  /// True where the admin gave it, for a cross-check or a derived default.
  bool is_given(std::string_view name, Scope scope = {}) const;
  /// The text before expansion: given, or a default.
  std::string raw(std::size_t index, Scope scope = {}) const;
  /// The default's text before expansion, whatever was given.
  std::string default_text(std::size_t index, Scope scope = {}) const;
  /// `FILE:LINE`, `-o NAME`, or `default of NAME`.
  std::string where(std::string_view name, Scope scope = {}) const;
  std::string where(std::size_t index, Scope scope = {}) const;
  /// The text after expansion. Error: `$name` unknown, in a loop, or badly written.
  Result<std::string> expanded(std::size_t index, Scope scope = {}) const;
  /// Any text, expanded as if it were a setting's.
  Result<std::string> expand(std::string_view text, Scope scope) const;
  /// The expanded text of a setting that must exist; empty where it can't be expanded.
  std::string value(std::string_view name, Scope scope = {}) const;

  /// What the admin gave, or what the settings of a null client given one by one amount to.
  Role role() const;
  const System& system() const;
  const std::string& file() const { return file_; }
  /// All mistakes of form: not TOML, unknown names, settings that a section may not hold.
  const std::vector<std::string>& errors() const { return errors_; }
  /// Sets a port that can't be served to 0, above all that was given.
  void turn_off(std::string_view name);

 private:
  bool is_null_client_by_settings() const;
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
  std::vector<std::string> errors_;
  mutable std::optional<System> system_;        ///< asked for when first needed
  mutable std::vector<std::size_t> expanding_;  ///< the settings being expanded, outermost first
  mutable std::size_t nesting_ = 0;             ///< how many expand() are under way
};

/// Where a derived default exists for a setting, its text; see derive.cpp.
std::optional<std::string> derived_default(std::string_view name, const Layers& layers,
                                           Scope scope);

}  // namespace pennypost
