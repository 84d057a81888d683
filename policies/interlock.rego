# METADATA
# title: Interlock
# description: |
#   What every package below may read: the facts of a request (schemas/input.json) as `input`, and the limits in force
#   as `data.limits`, whose schema is made from the checks' manifests.
# scope: subpackages
# schemas:
#   - input: schema.input
#   - data.limits: schema.limits
package interlock
